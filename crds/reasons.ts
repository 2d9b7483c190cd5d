import { z } from 'zod';

/**
 * Every reason a condition or event may carry, with what it means and what to do. The reference in `docs/` is generated
 * from this list; a test holds that each is used and each used one stands here.
 */
export const reasons = {
  // How a pass ended.
  Settled: 'The world matches the spec.',
  InProgress: 'Work is under way; nothing to do.',
  Waiting: 'Something else has to happen first; the message says what.',
  Rejected: 'The spec cannot be carried out as it is. Change the spec.',
  AccessDenied: 'A provider refused the credentials or lacks a privilege. Grant what the message names.',
  Throttled: 'A provider asked for fewer requests; it is tried again later.',
  WorldMoved: 'Something changed during the pass; it is looked at again.',
  ProviderUnavailable: 'A provider does not answer; it is tried again with growing pauses.',
  InternalError: 'The controller failed; its log has the cause. Please report it.',
  Deleting: 'The object is being removed.',
  Suspended: 'Suspended by its owner; nothing runs until it is resumed.',
  NotReconciled: 'No loop has looked at the object yet.',
  // Project.
  NamespaceCreated: 'The namespace of the project exists.',
  QuotaWithin: 'The project uses less than its quota.',
  QuotaExceeded: 'The project would use more than its quota. Raise the quota or remove something.',
  NetworkConfigured: 'The network of the project is as declared.',
  WaitingForChildren: 'Objects that belong to this one are still being removed.',
  // ProxmoxCluster.
  Connected: 'The cluster answers and the token has what Containr needs.',
  SecretNotFound: 'A Secret, or a key in it, does not exist. Create it.',
  SecretUnreadable:
    'A value cannot be decrypted by this installation, or was sealed for another place. Restore the key, or seal or write it anew.',
  PrivilegeMissing: 'The API token lacks privileges. Grant what the message lists.',
  ClusterNotQuorate: 'The Proxmox cluster has no quorum; nothing is changed until it has.',
  VersionUnsupported: 'Proxmox VE is older than 9.1, which brought containers made from OCI images. Upgrade it.',
  CertificateMismatch:
    'The certificate is not the pinned one. Check who answers, then correct tls.fingerprint or tls.ca.',
  TlsVerificationOff: 'Certificates are not verified. Set tls.fingerprint or tls.ca.',
  NodeMissing: 'A node named in a region is not in the cluster. Correct spec.regions.',
  StorageMissing: 'A storage is not there, not active, or does not take this content. Correct spec.storages.',
  BridgeMissing: 'The bridge does not exist on a node. Correct spec.network.',
  // Builder.
  BuilderReachable: 'The Docker engine answers.',
  BuilderUnreachable: 'The Docker engine does not answer. Check the endpoint and that Docker runs.',
  NoBuilder: 'There is no Builder that is ready. Create one, or see why it is not ready.',
  // Build.
  Queued: 'Waits for a free place on the builder.',
  Fetching: 'The source is being fetched.',
  Detecting: 'The way to build the source is being worked out.',
  Building: 'The image is being built.',
  Exporting: 'The image is being exported and repacked.',
  Publishing: 'The archive is being placed on the template storages.',
  BuildSucceeded: 'The artifact exists.',
  BuildFailed: 'The build ended with an error. Read its log: containr logs --build.',
  BuildCancelled: 'The build was cancelled.',
  ToolMissing:
    'A program that the build needs is not installed where the controller runs. The message says how to install it.',
  DeadlineExceeded: 'It took longer than it may. Raise the deadline or see what holds it up.',
  SourceFetched: 'The source is at the commit.',
  SourceNotFound: 'The repository, branch or commit does not exist. Correct spec.source.',
  SourceDenied: 'The repository refused the credentials. Correct the Secret named in spec.source.secretRef.',
  SourceTooLarge: 'The repository is larger than allowed.',
  SourceNotAllowed: 'This kind of repository URL is not allowed here.',
  SourceUnavailable: 'The repository does not answer; it is tried again.',
  DockerfileNotFound: 'There is no Dockerfile at the path. Correct spec.source.dockerfile or rootDirectory.',
  ImageNotFound: 'The image does not exist or cannot be pulled. Correct spec.source.image.',
  StorageFull: 'A storage has no room. Free space or choose another storage.',
  PublishFailed: 'The archive could not be placed on a storage.',
  // Service.
  Available: 'As many replicas as asked for serve the current revision.',
  Progressing: 'A new revision is being rolled out; the old one serves meanwhile.',
  DeploymentFailed: 'The newest revision failed; the revision before it still serves, if there was one.',
  NoReplicas: 'The service is scaled to nothing.',
  UnsupportedSpec: 'The spec asks for what this version does not offer; the message names it.',
  Degraded: 'Fewer replicas than asked for serve.',
  Paused: 'New revisions are held back by spec.rollout.paused. Resume: containr rollout resume.',
  RollbackPinned:
    'The newest revision is a rollback, older than the spec. The spec is rolled out with its next change, or by containr rollout restart.',
  ConfigResolved: 'Everything that the environment refers to exists.',
  ConfigChanged: 'Something that the environment refers to changed; the service follows it.',
  ShrinkRefused: 'A volume cannot shrink. Set its size to what it has, or more.',
  RunSkipped: 'A scheduled run was left out; the message says why.',
  ScheduleInvalid: 'The schedule never comes due, or cannot be read. Correct spec.schedule or spec.timeZone.',
  // Deployment.
  AwaitingBuild: 'Waits for the build of its artifact.',
  PreDeploying: 'The command before the rollout runs.',
  PreDeployFailed:
    'The command before the rollout failed; the message has its last lines. Correct it, or what it found.',
  Provisioning: 'Guests are being made.',
  Verifying: 'Guests run; their health is being checked.',
  Promoting: 'The guests are healthy and take over.',
  Draining: 'The guests of the revision before are being drained and removed.',
  Active: 'The revision serves.',
  Superseded: 'A newer revision took over.',
  RolledBack: 'The revision was replaced by an earlier one.',
  HealthCheckFailed: 'The guests did not become healthy in time. Read their log: containr logs.',
  // Guest.
  Unschedulable: 'No node can take the guest; the message says why, node by node.',
  IdReserved: 'A vmid is reserved for the guest.',
  NoFreeVmid: 'The vmid range is used up. Widen spec.vmidRange of the ProxmoxCluster.',
  NoFreeAddress: 'The address pool is used up. Widen spec.network.pool of the ProxmoxCluster.',
  PlacingArtifact: 'The archive is being placed on the node.',
  ArtifactMissing: 'The archive of the image is no longer kept. Rebuild: containr rollout restart.',
  Creating: 'Proxmox makes the guest.',
  Configuring: 'The guest gets its configuration.',
  Starting: 'Proxmox starts the guest.',
  Stopping: 'Proxmox stops the guest.',
  Stopped: 'The guest is stopped, as asked.',
  Running: 'The guest runs.',
  Healthy: 'The guest runs and its health check passes.',
  Held: 'The guest runs with its volumes, and its process is not started, as asked.',
  SupervisorOutdated:
    'The image was made with an older supervisor, which cannot do what is asked of it. Build the image anew.',
  Unhealthy: 'The health check fails; the message says how.',
  HealthUnknown: 'The health check has not answered yet.',
  CrashLoop: 'The process keeps ending; it is started again with growing pauses. Read its log: containr logs.',
  Exited: 'The guest stopped on its own; it is started again.',
  Restarting: 'The guest is being restarted.',
  Locked: 'Proxmox has locked the guest; the message names the lock.',
  LockStuck: 'The lock is left over and only root on the host can clear it. Run the command in the message.',
  OwnerVerified: 'The guest carries our identity.',
  OwnerMismatch: 'The guest with this vmid is not ours; it is left alone.',
  IdentityMissing: 'The guest lost its identity marks; nothing is changed or destroyed until they are back.',
  DriftCorrected: 'The guest differed from its spec and was corrected.',
  NodeOffline: 'The node does not answer; whether the guest runs is unknown.',
  GuestMissing: 'The guest is gone from Proxmox; a new one is made.',
  AddressAssigned: 'The guest has its address.',
  AddressPending: 'The guest has no address yet.',
  WaitingForVolume: 'A volume is not where it has to be yet; the message names it and what holds it up.',
  DiskUnknown:
    'The guest has a disk that belongs to no Volume. It is left alone, and the guest is not destroyed with it.',
  Finished: 'The process ended and is not started again; the message says how it ended.',
  ConfigMissing: 'A value that the environment refers to does not exist. The message names it.',
  TaskFailed: 'A Proxmox task failed; the message has its text.',
  SupervisorConnected: 'The supervisor in the guest answers.',
  SupervisorUnreachable: 'The supervisor in the guest does not answer; logs are not collected meanwhile.',
  // Job.
  JobSucceeded: 'The run ended with code 0.',
  JobFailed: 'The run ended with an error, or its guest was lost. The message has its last lines.',
  JobCancelled: 'The run was cancelled.',
  // Volume.
  VolumeAttached: 'The guest that is to have the volume has it.',
  VolumeParked: 'No guest is to have the volume; a keeper, a guest that is never started, holds it.',
  VolumeUnused: 'No guest has needed the volume yet; it is made with the first one.',
  VolumeMissing: 'The volume is not where it was left. The message says what is known; nothing is made in its place.',
  VolumeElsewhere:
    'The volume and the guest that is to have it are on different nodes. Delete the guest; it is made anew.',
  VolumeRetained: 'The volume was kept on Proxmox when its object was deleted; the message says where.',
  WaitingForGuest: 'The guest that has the volume, or is to have it, has to be made or stopped first.',
  Allocating: 'The volume is being made.',
  Moving: 'The volume is being moved to another guest.',
  Growing: 'The volume is being grown.',
  // Database.
  Answering: 'The database answered a query.',
  NotAnswering: 'The database does not answer a query; the message says what it does instead.',
  LoginDenied:
    'The database refuses the login of its Secret. Put the values back that it was set up with, or change the password in the database.',
  CredentialsMade: 'The Secret has everything that a program needs to connect.',
  // Secret.
  Sealed: 'The values are encrypted and readable by this installation.',
  // Proxy.
  ProxyReachable: 'The proxy answers and has our routes.',
  ProxyUnreachable: 'The admin API of the proxy does not answer; its routes stay as they were. Check that it runs.',
  ProxyRefuses: 'The proxy does not take the configuration; the one before goes on serving. The message has its words.',
  ProxyAsks: 'The proxy asks for its configuration by itself.',
  // Route.
  NoProxy: 'There is no Proxy; requests go to the addresses of the guests.',
  NoHost: 'The route has no host name. Set baseDomain of the Proxy, or domains of the Service.',
  HostTaken: 'A host name belongs to another Service that had it first. Choose another.',
  NoUpstream: 'No guest is healthy. Read the conditions of the guests: containr describe.',
  RouteServing: 'Guests take requests.',
  // RepoSync.
  SourceEmpty:
    'There is no object in the folder of the repository. Nothing is changed; correct spec.path or the branch.',
  ManifestInvalid:
    'A manifest of the repository is wrong; the message says where. Nothing is changed until all are right.',
  FieldConflict: 'A field belongs to another manager. Leave it out of the repository, or agree on its value.',
  ApplyFailed: 'An object could not be written; the message says why. The others are.',
  RevisionApplied: 'The objects are as the commit says.',
  PruneHeld: 'More would be deleted than spec.pruneLimit allows. Confirm the commit with spec.confirmPrune.',
  PruneKept: 'Something that is no longer in the repository holds data or is marked to be kept. The message names it.',
  PruneOff: 'Something is no longer in the repository and stays, because spec.prune is off.',
  PruneDone: 'Nothing is left that is no longer in the repository.',
  ObjectsReady: 'All applied objects are ready.',
  ObjectsNotReady: 'Applied objects are not ready yet; the message names one.',
  ObjectStalled: 'An applied object cannot get on; the message names it.',
  // Events only.
  Pruned: 'Objects that are no longer in the repository were deleted.',
  PlainSecret: 'A Secret is in the repository in plain text. Whoever can read the repository has its values.',
  Created: 'Made.',
  Started: 'Started.',
  Deleted: 'Removed.',
  RevisionCreated: 'A new revision was recorded.',
  StateChanged: 'The state machine moved.',
} as const satisfies Record<string, string>;

export type Reason = keyof typeof reasons;

/** Also what an older or newer version wrote is read; writing takes the closed set through the type. */
export const Reason = z.custom<Reason>((value) => typeof value === 'string' && /^[A-Z][A-Za-z]{0,63}$/.test(value));

import type { ImageStore, StoredImage } from './image-store.ts';

/** The answer to GET /images/NAME/json. */
export function inspectView(store: ImageStore, image: StoredImage): unknown {
  const { config, id, parent, sizeBytes } = image;
  const layers = config.rootfs.diff_ids ?? [];
  return {
    Id: id,
    RepoTags: store.tagsOf(id),
    RepoDigests: [],
    Parent: parent ?? '',
    Comment: '',
    Created: config.created,
    DockerVersion: '',
    Author: config.author ?? '',
    Config: {
      User: '',
      Env: null,
      Cmd: null,
      Volumes: null,
      WorkingDir: '',
      Entrypoint: null,
      OnBuild: null,
      Labels: null,
      ...config.config,
    },
    Architecture: config.architecture,
    Os: config.os,
    Size: sizeBytes,
    VirtualSize: sizeBytes,
    RootFS: { Type: 'layers', ...(layers.length > 0 && { Layers: layers }) },
    Metadata: { LastTagTime: config.created },
  };
}

/** One entry of the answer to GET /images/json. */
export function listView(store: ImageStore, image: StoredImage): unknown {
  const { config, id, parent, sizeBytes } = image;
  const tags = store.tagsOf(id);
  return {
    Containers: -1,
    Created: Math.floor(Date.parse(config.created) / 1000),
    Id: id,
    Labels: config.config.Labels ?? null,
    ParentId: parent ?? '',
    RepoDigests: tags.length > 0 ? null : ['<none>@<none>'],
    RepoTags: tags.length > 0 ? tags : ['<none>:<none>'],
    SharedSize: -1,
    Size: sizeBytes,
    VirtualSize: sizeBytes,
  };
}

/** The answer to GET /images/NAME/history: the last step first. */
export function historyView(store: ImageStore, image: StoredImage): unknown {
  const entries = (image.config.history ?? []).toReversed();
  return entries.map(({ created, created_by }, index) => ({
    Comment: '',
    Created: Math.floor(Date.parse(created ?? image.config.created) / 1000),
    CreatedBy: created_by ?? '',
    Id: index === 0 ? image.id : '<missing>',
    Size: 0,
    Tags: index === 0 ? store.tagsOf(image.id) : null,
  }));
}

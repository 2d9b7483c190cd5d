/** An archive as a finished build names it. */
export const sampleArtifact = {
  digest: `sha256:${'a'.repeat(64)}`,
  sizeBytes: 1_048_576,
  imageDigest: `sha256:${'b'.repeat(64)}`,
  image: 'registry.example:5000/shop/web:v3@sha256:0',
  architecture: 'amd64',
  process: { command: ['serve'], env: [], workingDir: '/', user: '', stopSignal: 'SIGTERM' },
} as const;

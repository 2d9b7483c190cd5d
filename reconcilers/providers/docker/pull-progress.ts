import type { ProgressMessage } from './schema.ts';

/** Follows how much of an image is here, layer by layer. */
export interface PullProgress {
  add(message: ProgressMessage): void;
}

/** Of a layer the way over the network is most of the work. */
const DOWNLOAD_SHARE = 0.8;
/** Reported from the first layer on; that all is here says the end of the pull, not the last layer. */
const MOST = 99;

/** Per cent of the layers known so far go to `onProgress`, each number once and never a smaller one. */
export function createPullProgress(onProgress: (percent: number) => void): PullProgress {
  const layers = new Map<string, number>();
  let reported = -1;
  return {
    add({ id, status, progressDetail }) {
      if (id === undefined || status === undefined) return;
      const share = shareOf(status, progressDetail?.current, progressDetail?.total);
      if (share === undefined) return;
      layers.set(id, Math.max(layers.get(id) ?? 0, share));
      const sum = [...layers.values()].reduce((total, one) => total + one, 0);
      const percent = Math.min(Math.floor((sum / layers.size) * 100), MOST);
      if (percent <= reported) return;
      reported = percent;
      onProgress(percent);
    },
  };
}

/** How much of one layer is done; undefined for what is said of the image as a whole. */
function shareOf(status: string, current = 0, total = 0): number | undefined {
  const part = total > 0 ? Math.min(current / total, 1) : 0;
  switch (status) {
    case 'Pulling fs layer':
    case 'Waiting':
      return 0;
    case 'Downloading':
      return part * DOWNLOAD_SHARE;
    case 'Verifying Checksum':
    case 'Download complete':
      return DOWNLOAD_SHARE;
    case 'Extracting':
      return DOWNLOAD_SHARE + part * (1 - DOWNLOAD_SHARE);
    case 'Pull complete':
    case 'Already exists':
      return 1;
    default:
      return undefined;
  }
}

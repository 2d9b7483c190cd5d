/**
 * Whether a Dockerfile says what only BuildKit carries out: mounts, links, texts in place. The classic builder would stop at
 * such a line. Pure.
 */
export function needsBuildKit(dockerfile: string): boolean {
  const lines = dockerfile.replaceAll(/\\\r?\n/g, ' ').split(/\r?\n/);
  return lines.some((line, index) => {
    if (/^\s*RUN\s+(--\S+\s+)*--(mount|network|security|device)=/i.test(line)) return true;
    if (/^\s*(COPY|ADD)\s+(--\S+\s+)*--(link|chmod|parents|exclude|checksum|keep-git-dir|unpack)\b/i.test(line))
      return true;
    const text = /^\s*(?:RUN|COPY|ADD)\b.*<<-?(["']?)([A-Za-z_]\w*)\1/i.exec(line);
    return text !== null && lines.slice(index + 1).some((later) => later.trim() === text[2]);
  });
}

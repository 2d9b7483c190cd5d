export { childName } from '../../crds/child-name.ts';

export { DOCUMENTED_REFRESH } from './retention.js';

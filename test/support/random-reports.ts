export { randomReports } from './random.js';

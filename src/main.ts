import { runProcess } from './process.js';
import { serve } from './serve.js';

await runProcess(async () => {
  const server = await serve(process.env);
  return () => server.close();
});

// Runs the server audits of npm's graphql-http one after the other and prints them as JSON.
// Arguments: the directory with node_modules, the URL, the token.
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [directory, url, token] = process.argv.slice(2);
const { serverAudits } = createRequire(join(directory, 'package.json'))('graphql-http');

const fetchFn = (input, init = {}) => {
  const headers = new Headers(init.headers);
  headers.set('authorization', `Bearer ${token}`);
  return fetch(input, { ...init, headers });
};

const results = [];
for (const audit of serverAudits({ url, fetchFn })) {
  const { id, name, status, reason } = await audit.fn();
  results.push({ id, name, status, reason });
}
console.log(JSON.stringify(results));

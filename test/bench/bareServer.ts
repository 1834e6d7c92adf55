/** A server that does nothing but answer, in a process of its own: what a runtime and its frameworks cost. */
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import Koa from 'koa';

const answer = '{"id":1}';
const type = 'application/json; charset=utf-8';

const makers: Readonly<Record<string, () => Server>> = {
  'node:http': () =>
    createHttpServer((req, res) => {
      req.on('data', () => undefined);
      req.on('end', () => {
        res.writeHead(200, { 'Content-Type': type, 'Content-Length': answer.length });
        res.end(answer);
      });
    }),
  koa: () => {
    const app = new Koa();
    app.use(async (ctx) => {
      for await (const chunk of ctx.req) void chunk;
      ctx.type = type;
      ctx.body = answer;
    });
    return createHttpServer(app.callback());
  },
  tcp: () => createTcpServer({ noDelay: true }, (socket) => socket.on('error', () => undefined).pipe(socket)),
};

const server = makers[process.argv[2] ?? '']?.();
if (!server) throw new Error(`there is no server ${process.argv[2]}`);
server.listen({ host: '127.0.0.1', port: 0 }, () => process.send?.((server.address() as AddressInfo).port));
process.on('disconnect', () => process.exit(0));

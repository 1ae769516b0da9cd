/** Hands the connections of a unix socket on to a port of this process's network: `relay SOCKET PORT`, in the network of another. */

import * as net from "node:net";

const [, , socket = "", port = ""] = process.argv;

const server = net.createServer((client) => {
  const upstream = net.connect(Number(port), "127.0.0.1");
  for (const [from, to] of [[client, upstream], [upstream, client]] as const) {
    from.pipe(to);
    from.on("error", () => to.destroy());
    from.on("close", () => to.destroy());
  }
});
server.listen(socket);

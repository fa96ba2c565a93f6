// A relay with `ws`: every text goes to everybody. Run by: node ws_relay.js PORT
//
// Its fast path: no compression, and each message is made a frame once, by the library's own
// Sender.frame, whose bytes then go to every socket ("prepared"); send() would do it for each.
'use strict';

const WebSocket = require('ws');

const server = new WebSocket.Server({
    host: '127.0.0.1',
    port: Number(process.argv[2]),
    backlog: 4096,
    perMessageDeflate: false,
});

server.on('connection', (client) => {
    client.on('message', (text) => {
        const frame = WebSocket.Sender.frame(text, { fin: true, rsv1: false, opcode: 1, mask: false, readOnly: true });
        const bytes = frame.length === 1 ? frame[0] : Buffer.concat(frame);
        for (const reader of server.clients)
            if (reader.readyState === WebSocket.OPEN) reader._socket.write(bytes);
    });
    client.on('error', () => client.terminate());
});

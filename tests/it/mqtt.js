// A device on MQTT.js: connects, publishes one event, and says the parts of what its hook is answered, each as a line of JSON, until
// it is ended.
'use strict';
const fs = require('node:fs');
const mqtt = require('mqtt');

const { url, version, name, key, certificate } = JSON.parse(process.argv[2]);
const say = (what, more) => console.log(JSON.stringify({ what, ...more }));

const client = mqtt.connect(url, {
    protocolVersion: version,
    username: name,
    password: key,
    reconnectPeriod: 0,
    ca: certificate && fs.readFileSync(certificate),
});
client.on('error', (error) => say('error', { error: String(error) }));
client.on('message', (topic, data) => say('message', { topic, data: String(data) }));
client.on('connect', async () => {
    await client.subscribeAsync('hook-response/temp/#', { qos: 1 });
    await client.publishAsync('temp', '21.5', { qos: 1 });
    say('published');
});

// Keeps an event stream of particle-api-js open and says a line of JSON for all that happens to it.
'use strict';
const Particle = require('particle-api-js');

const { gateway, auth } = JSON.parse(process.argv[2]);
const say = (what, event) => console.log(JSON.stringify({ what, event }));

new Particle({ baseUrl: gateway, auth }).getEventStream({ deviceId: 'mine' }).then((stream) => {
    for (const what of ['event', 'disconnect', 'reconnect-success', 'error']) {
        stream.on(what, (event) => say(what, event));
    }
    say('open');
});

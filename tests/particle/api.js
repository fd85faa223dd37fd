// Calls every method of particle-api-js that a gateway has an answer to. It is told (as JSON, in its argument) where the
// gateway is, who logs in and which device and product there are, and says for each call a line of JSON: the label of the
// call, and `body` and `status` of the answer, or what it `failed` with. It checks nothing: `api_js.rs` does.
'use strict';
const Particle = require('particle-api-js');

const told = JSON.parse(process.argv[2]);
const { device, product, url } = told;
const particle = new Particle({ baseUrl: told.gateway });
let auth;

const say = (line) => console.log(JSON.stringify(line));

async function call(label, promise) {
    try {
        const { body, statusCode } = await promise;
        say({ call: label, status: statusCode, body });
        return body;
    } catch ({ statusCode, body, errorDescription }) {
        say({ call: label, failed: { status: statusCode, body, description: errorDescription } });
        return {};
    }
}

// Opens a stream, publishes what it should hear, and says the first event.
async function stream(label, from, events) {
    let stream;
    try {
        stream = await particle.getEventStream({ auth, ...from });
    } catch ({ statusCode, body, errorDescription }) {
        say({ call: label, failed: { status: statusCode, body, description: errorDescription } });
        return;
    }
    const heard = new Promise((resolve) => {
        stream.on('event', resolve);
        setTimeout(resolve, 20000, 'nothing was heard').unref();
    });
    for (const event of events) {
        await particle.publishEvent({ auth, ...event });
    }
    say({ call: label, status: 200, body: await heard });
    stream.abort();
}

async function account() {
    const { username, password } = told;
    await call('login bad', particle.login({ username, password: 'x' }));
    const { access_token: token } = await call('login', particle.login({ username, password }));
    auth = token;
    await call('getUserInfo', particle.getUserInfo({ auth }));
    await call('trackingIdentity', particle.trackingIdentity({ auth }));
    await call('listOAuthClients', particle.listOAuthClients({ auth }));
    await call('bad token', particle.listDevices({ auth: 'none' }));
    await call('no token', particle.listDevices({}));
    const second = await call('login again', particle.login({ username, password, tokenDuration: 60 }));
    await call('deleteAccessToken', particle.deleteAccessToken({ token: second.access_token }));
    await call('after deleteAccessToken', particle.getUserInfo({ auth: second.access_token }));
}

async function devices() {
    await call('addDeviceToProduct', particle.addDeviceToProduct({ auth, product, deviceId: device }));
    await call('addDeviceToProduct file', particle.addDeviceToProduct({ auth, product, file: Buffer.from(device) }));
    await call('listProducts', particle.listProducts({ auth }));
    await call('getProduct', particle.getProduct({ auth, product }));
    await call('listDevices', particle.listDevices({ auth }));
    await call('listDevices product', particle.listDevices({
        auth, product, deviceName: 'pi', sortAttr: 'deviceId', sortDir: 'asc', page: 1, perPage: 10,
    }));
    await call('listDevices product page 2', particle.listDevices({ auth, product, page: 2, perPage: 10 }));
    await call('getDevice', particle.getDevice({ auth, deviceId: device }));
    await call('getDevice product', particle.getDevice({ auth, deviceId: device, product }));
    await call('getDevice none', particle.getDevice({ auth, deviceId: 'none' }));
    await call('renameDevice', particle.renameDevice({ auth, deviceId: device, name: 'x1' }));
    await call('setDeviceNotes product', particle.setDeviceNotes({ auth, product, deviceId: device, notes: 'n' }));
    await call('getDevice noted', particle.getDevice({ auth, deviceId: 'x1' }));
    await call('getVariable', particle.getVariable({ auth, deviceId: 'x1', name: 'temp' }));
    await call('getVariable product', particle.getVariable({ auth, product, deviceId: device, name: 'temp' }));
    await call('getVariable none', particle.getVariable({ auth, deviceId: 'x1', name: 'none' }));
    await call('callFunction', particle.callFunction({ auth, deviceId: 'x1', name: 'led', argument: 'on' }));
    await call('callFunction none', particle.callFunction({ auth, deviceId: 'x1', name: 'none' }));
    await call('signalDevice', particle.signalDevice({ auth, deviceId: 'x1', signal: true }));
    await call('getClaimCode', particle.getClaimCode({ auth }));
}

async function events() {
    const name = 'a/b c';
    const data = 'line1\nline2 "q" é';
    await call('publishEvent', particle.publishEvent({ auth, name: 'temp', data: '1', isPrivate: true }));
    await call('publishEvent product', particle.publishEvent({ auth, name: 'temp', data: { a: 1 }, product, isPrivate: false }));
    await call('publishEvent unnamed', particle.publishEvent({ auth, data: '1' }));
    await stream('getEventStream mine', { deviceId: 'mine' }, [{ name, data }]);
    await stream('getEventStream no data', { deviceId: 'mine' }, [{ name: 'nodata' }]);
    await stream('getEventStream name', { name: 'a/b' }, [{ name: 'a/c', data: '1' }, { name, data }]);
    await stream('getEventStream product', { product }, [{ name: 'o', data: '0' }, { name, data: { a: 1 }, product }]);
    await stream('getEventStream unknown device', { deviceId: 'none' }, []);
    await stream('getEventStream org', { org: 'o' }, [{ name: 'o', data: '5' }]);
    await stream('getEventStream org product', { org: 'o', product }, [{ name: 'o', data: '6' }, { name: 'o', data: '7', product }]);
    const good = auth;
    auth = 'none';
    await stream('getEventStream bad token', { name: 'a' }, []);
    auth = good;
}

async function webhooks() {
    const full = {
        method: 'PUT', auth: { username: 'u', password: 'p' }, headers: { a: 'b' }, query: { q: '1' }, json: { a: 1 },
        responseTemplate: '{{x}}', responseEvent: 're', errorResponseEvent: 'ee',
    };
    const hook = await call('createWebhook', particle.createWebhook({ auth, event: 'e', url }));
    await call('createWebhook full', particle.createWebhook({
        auth, event: 'e', url, device, rejectUnauthorized: false, noDefaults: true, hook: full,
    }));
    const form = { form: { a: 'b' } };
    const ofProduct = await call('createWebhook product', particle.createWebhook({ auth, event: 'e', url, product, hook: form }));
    await call('createWebhook body', particle.createWebhook({
        auth, event: 'e', url, hook: { body: 'raw {{{PARTICLE_EVENT_VALUE}}}' },
    }));
    await call('createWebhook no url', particle.createWebhook({ auth, event: 'e' }));
    await call('listWebhooks', particle.listWebhooks({ auth }));
    await call('listWebhooks product', particle.listWebhooks({ auth, product }));
    await call('deleteWebhook', particle.deleteWebhook({ auth, hookId: hook.id }));
    await call('deleteWebhook missing', particle.deleteWebhook({ auth, hookId: hook.id }));
    await call('deleteWebhook product', particle.deleteWebhook({ auth, product, hookId: ofProduct.id }));
    await call('deleteWebhook product missing', particle.deleteWebhook({ auth, product, hookId: ofProduct.id }));
}

async function integrations() {
    const settings = { integration_type: 'Webhook', url, requestType: 'POST', json: { a: '{{{PARTICLE_EVENT_VALUE}}}' } };
    const changed = { integration_type: 'Webhook', url: `${url}2`, requestType: 'GET' };
    const made = await call('createIntegration', particle.createIntegration({ auth, event: 'e', deviceId: device, settings }));
    const ofProduct = await call('createIntegration product', particle.createIntegration({ auth, event: 'e', product, settings }));
    await call('editIntegration', particle.editIntegration({ auth, integrationId: made.id, event: 'e2', settings: changed }));
    await call('editIntegration product', particle.editIntegration({
        auth, product, integrationId: ofProduct.id, event: 'e2', settings: { url: `${url}2` },
    }));
    await call('editIntegration missing', particle.editIntegration({
        auth, integrationId: '1'.repeat(24), event: 'e2', settings: changed,
    }));
    await call('listIntegrations', particle.listIntegrations({ auth }));
    await call('listIntegrations product', particle.listIntegrations({ auth, product }));
    await call('deleteIntegration', particle.deleteIntegration({ auth, integrationId: made.id }));
    await call('deleteIntegration missing', particle.deleteIntegration({ auth, integrationId: made.id }));
}

async function ends() {
    await call('removeDevice product', particle.removeDevice({ auth, product, deviceId: device }));
    await call('removeDevice', particle.removeDevice({ auth, deviceId: device }));
    await call('getDevice removed', particle.getDevice({ auth, deviceId: device }));
    await call('claimDevice', particle.claimDevice({ auth, deviceId: device }));
    await call('claimDevice unknown', particle.claimDevice({ auth, deviceId: '1'.repeat(24) }));
    await call('deleteCurrentAccessToken', particle.deleteCurrentAccessToken({ auth }));
    await call('after deleteCurrentAccessToken', particle.getUserInfo({ auth }));
}

(async () => {
    for (const part of [account, devices, events, webhooks, integrations, ends]) {
        await part();
    }
})();

// The first hour with a gateway, with scripts: claiming it, a device, an integration, watching it work, what is done when
// the target fails. On the way every page is seen light, dark and on a phone, and weighed.
'use strict';
const assert = require('node:assert/strict');
const { flow } = require('./browser');
const { fillIn, go, press, logOut, path } = require('./person');
const { seen, ask } = require('./seen');

// Over the wire, for somebody who comes for the first time.
const MOST_BYTES = 70_000;

const PASSWORD = 'correct horse';

flow(async (browser) => {
    const { gateway, claim } = browser.told;
    const page = await browser.open();

    await weigh(browser, '/claim');
    await page.goto(gateway);
    assert.equal(path(page), '/claim');
    await seen(browser, page, 'claim');
    const passwords = { Password: PASSWORD, 'The same password again': PASSWORD };
    await fillIn(page, { 'Claim code': '00000-00000', 'Name of the gateway': 'Greenhouse' });
    await fillIn(page, { 'Your user name': 'me@example.com', ...passwords });
    browser.expect(page, /status of 403 .*claim/);
    await page.getByRole('button', { name: 'Become the owner' }).click();
    await page.getByRole('alert').waitFor();
    await seen(browser, page, 'claim-refused');
    await fillIn(page, { 'Claim code': claim.toLowerCase(), ...passwords });
    await page.getByRole('button', { name: 'Become the owner' }).click();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    assert.match(await page.title(), /Greenhouse/);
    await seen(browser, page, 'overview-new');
    await weigh(browser, '/login');

    await emptyPages(browser, page);
    const { device, key } = await addDevice(browser, page);

    const hook = await createHook(browser, page, await ask(browser, 'target'));

    await watch(browser, page, { device, key });
    await whileItIsBroken(browser, page, { device, key, hook });

    await keepBusy(browser, { device, key });
    for (const each of ['/', '/integrations', '/integrations/new', '/logs', '/devices', '/queue', '/settings']) {
        await weigh(browser, each, page);
    }
    await leave(browser, page);
    browser.say({ do: 'end', posted: browser.posted() });
});

async function addDevice(browser, page) {
    await page.goto(browser.told.gateway);
    await page.getByRole('link', { name: 'Add a device' }).click();
    await page.getByRole('heading', { name: 'Devices' }).waitFor();
    await seen(browser, page, 'devices-empty');
    await fillIn(page, { Name: 'kitchen' });
    await page.getByRole('button', { name: 'Add a device' }).click();
    await page.getByRole('heading', { name: 'kitchen', exact: true }).waitFor();
    const key = await page.locator('#once').textContent();
    const device = path(page).split('/').pop();
    assert.ok(key.length > 20);
    // The programs can be pasted as they are.
    const sketches = await page.locator('pre').allTextContents();
    assert.equal(sketches.length, 5);
    for (const sketch of sketches) {
        assert.ok(sketch.includes(key), sketch);
    }
    await seen(browser, page, 'device-new');
    for (const summary of await page.locator('#programs summary').all()) {
        await summary.click();
    }
    await seen(browser, page, 'device-programs');
    await page.reload();
    assert.ok(!(await page.content()).includes(key), 'the key is shown once');
    await ask(browser, 'sleep', { device, key });
    await page.reload();
    await page.locator('#sessions', { hasText: 'away' }).waitFor();
    await page.locator('#sessions summary').click();
    await seen(browser, page, 'device-asleep');
    return { device, key };
}

async function emptyPages(browser, page) {
    for (const name of ['Integrations', 'Logs', 'Products', 'Queue']) {
        await go(page, name);
        await seen(browser, page, `${name.toLowerCase()}-empty`);
    }
}

// The example for ThingSpeak, with another address and a key. The JSON and the preview follow what is typed.
async function createHook(browser, page, target) {
    await go(page, 'Integrations');
    await page.getByRole('link', { name: 'Create the first one' }).click();
    await page.getByRole('heading', { name: 'New integration' }).waitFor();
    await seen(browser, page, 'integration-new');
    await page.getByRole('link', { name: 'ThingSpeak' }).click();
    await page.getByText('Draws a curve').waitFor();
    const preview = page.locator('#preview pre');
    assert.match(await preview.textContent(), /^POST https:\/\/api\.thingspeak\.com\/update\n/);

    await page.getByText('JSON', { exact: true }).last().click();
    await fillIn(page, { 'Address (URL)': `${target}?room={{{room}}}` });
    await page.locator('#preview', { hasText: 'Not in this event, so nothing stands in their place:' }).waitFor();
    await fillIn(page, { 'Address (URL)': target });
    const key = page.locator('[name="form_value[0]"]');
    assert.equal(await key.inputValue(), 'YOUR_WRITE_API_KEY');
    await key.fill('WRITE-KEY');
    await page.locator('#preview pre', { hasText: `POST ${target}` }).waitFor();
    await page.waitForFunction(() => document.getElementById('definition').value.includes('WRITE-KEY'));
    assert.doesNotMatch(await preview.textContent(), /WRITE-KEY/, 'secrets are masked');
    // And the other way round.
    const definition = JSON.parse(await page.locator('#definition').inputValue());
    await page.locator('#definition').fill(JSON.stringify({ ...definition, name: 'The curve' }));
    await page.waitForFunction(() => document.getElementById('f-name').value === 'The curve');
    await page.locator('#definition').fill('{ "event": "te');
    await page.locator('#preview', { hasText: 'JSON: EOF' }).waitFor();
    await seen(browser, page, 'integration-broken-json');
    await page.locator('#definition').fill(JSON.stringify(definition));
    await page.waitForFunction(() => document.getElementById('f-name').value === '');
    await seen(browser, page, 'integration-edit');
    await press(page, 'Save', 'temp', 'Saved.');
    await seen(browser, page, 'integration-new-made');
    return path(page).split('/').pop();
}

// The log shows what happens as it happens, and forgets nothing while it is paused.
async function watch(browser, page, { device, key }) {
    await go(page, 'Logs');
    await page.locator('#live', { hasText: 'live' }).waitFor();
    await page.evaluate(() => { window.isSamePage = true; });
    await ask(browser, 'publish', { device, key, name: 'temp', values: [21.5] });
    assert.equal(await ask(browser, 'receive'), 'api_key=WRITE-KEY&field1=21.5');
    for (const name of ['temp', 'hook-sent/temp', 'hook-response/temp/0']) {
        await page.locator('.name', { hasText: new RegExp(`^${name}$`) }).first().waitFor();
    }
    assert.deepEqual(await rows(page, 'temp'), ['21.5']);
    assert.deepEqual(await rows(page, 'hook-response/temp/0'), ['7']);
    await seen(browser, page, 'logs');

    await page.getByRole('button', { name: 'Pause' }).click();
    await page.locator('#live', { hasText: 'paused' }).waitFor();
    await ask(browser, 'publish', { device, key, name: 'temp', values: [1, 2, 3, '<b>4</b>'] });
    for (let count = 0; count < 4; count += 1) {
        await ask(browser, 'receive');
    }
    await ask(browser, 'wait', { for: 'delivered', count: 5 });
    assert.deepEqual(await rows(page, 'temp'), ['21.5'], 'nothing comes while it is paused');
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.locator('#live', { hasText: 'live' }).waitFor();
    await ask(browser, 'publish', { device, key, name: 'temp', values: [5] });
    await ask(browser, 'receive');
    await ask(browser, 'wait', { for: 'delivered', count: 6 });
    await page.waitForFunction(() => [...document.querySelectorAll('.name')]
        .filter((name) => name.textContent === 'hook-response/temp/0').length === 6);
    assert.deepEqual(await rows(page, 'temp'), ['5', '<b>4</b>', '3', '2', '1', '21.5'], 'no gap, and none twice');
    assert.equal((await rows(page, 'hook-sent/temp')).length, 6);
    assert.equal((await rows(page, 'hook-response/temp/0')).length, 6);

    await page.getByPlaceholder('Name begins with').fill('hook-');
    assert.equal(await page.locator('tr.event:visible').count(), 12);
    await page.getByLabel('Kind').selectOption({ label: 'answer' });
    assert.equal(await page.locator('tr.event:visible').count(), 6);
    assert.equal(await page.evaluate(() => window.isSamePage), true, 'nothing loaded the page again');
}

// Ten errors in a row stop the integration; it is resumed, and what was given up is sent again.
async function whileItIsBroken(browser, page, { device, key, hook }) {
    await ask(browser, 'break');
    const values = [...Array(11).keys()].map((number) => number + 100);
    await ask(browser, 'publish', { device, key, name: 'temp', values });
    for (let count = 0; count < 10; count += 1) {
        await ask(browser, 'receive');
    }
    await ask(browser, 'wait', { for: 'dead', count: 10 });
    await ask(browser, 'wait', { for: 'waiting', count: 1 });

    await go(page, 'Queue');
    await page.locator('#chart canvas').waitFor();
    await seen(browser, page, 'queue');
    await page.goto(browser.told.gateway);
    await page.getByText('1 stopped').waitFor();
    await seen(browser, page, 'overview');
    await page.getByRole('navigation').getByRole('link', { name: 'Devices' }).click();
    await page.getByRole('heading', { name: 'Devices' }).waitFor();
    await seen(browser, page, 'devices');
    await page.getByRole('link', { name: 'kitchen' }).click();
    await page.getByRole('heading', { name: 'kitchen', exact: true }).waitFor();
    await seen(browser, page, 'device');

    await page.getByRole('navigation').getByRole('link', { name: 'Integrations' }).click();
    await page.getByText('stopped: too many errors').waitFor();
    await seen(browser, page, 'integrations');
    await page.getByRole('link', { name: 'temp' }).click();
    await page.getByText('Too many errors, webhook disabled').waitFor();
    assert.equal(path(page), `/integrations/${hook}`);
    await page.locator('details', { hasText: '500' }).first().locator('summary').click();
    await page.getByText('<b>out of order</b>').first().waitFor();
    await seen(browser, page, 'integration-stopped');

    await ask(browser, 'mend');
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByText('It goes on; what waits is sent.').waitFor();
    assert.equal(await ask(browser, 'receive'), 'api_key=WRITE-KEY&field1=110');
    await page.getByRole('button', { name: 'Send all again (10)' }).click();
    await page.getByText('10 wait again, to be sent.').waitFor();
    const again = [];
    while (again.length < 10) {
        again.push(await ask(browser, 'receive'));
    }
    assert.deepEqual(again.sort(), values.slice(0, 10).map((value) => `api_key=WRITE-KEY&field1=${value}`));
    await ask(browser, 'wait', { for: 'dead', count: 0 });
    await ask(browser, 'wait', { for: 'waiting', count: 0 });
    // The page follows by itself.
    await page.getByText('Nothing was given up.').waitFor();
    await page.getByText('Too many errors').waitFor({ state: 'detached' });
    await seen(browser, page, 'integration');
}

// As many events as the log shows at once, each as long as a sensor's are.
async function keepBusy(browser, { device, key }) {
    const values = [...Array(40).keys()].map((number) => `{"t":${number},"h":40.25,"p":1013.25}`);
    await ask(browser, 'publish', { device, key, name: 'temp', values });
    for (let count = 0; count < values.length; count += 1) {
        await ask(browser, 'receive');
    }
    await ask(browser, 'wait', { for: 'waiting', count: 0 });
}

async function leave(browser, page) {
    await logOut(page);
    await seen(browser, page, 'login');
    browser.expect(page, /status of 404 .*nothing/);
    await page.goto(`${browser.told.gateway}/nothing`);
    await seen(browser, page, 'missing');
    await page.goto(`${browser.told.gateway}/logs?name=temp`);
    await fillIn(page, { 'User name': 'me@example.com', Password: PASSWORD });
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('heading', { name: 'Logs' }).waitFor();
    assert.equal(path(page), '/logs');
}

// What the page and all its parts weigh for somebody who has none of them.
async function weigh(browser, address, like) {
    const page = await browser.open({ like });
    await page.goto(`${browser.told.gateway}${address}`);
    assert.equal(path(page), address);
    const weight = await browser.weight(page);
    await ask(browser, 'note', { text: `${address} weighs ${weight.bytes} bytes` });
    assert.ok(weight.bytes <= MOST_BYTES, `${address}: ${JSON.stringify(weight)}`);
    await page.context().close();
}

// The data of all events of that name, newest first.
function rows(page, name) {
    return page.evaluate((wanted) => [...document.querySelectorAll('tr.event')]
        .filter((row) => row.querySelector('.name').textContent === wanted)
        .map((row) => row.querySelector('.data').textContent), name);
}

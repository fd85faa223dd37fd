// The first hour without scripts: every form does what it says, and says how it went.
'use strict';
const assert = require('node:assert/strict');
const { flow } = require('./browser');
const { fillIn, go, press, sure, logOut } = require('./person');
const { ask } = require('./seen');

const PASSWORD = 'correct horse';

flow(async (browser) => {
    const { gateway, claim } = browser.told;
    const page = await browser.open({ script: false, width: 390 });
    await page.goto(`${gateway}/?from=a-qr-code`);
    await fillIn(page, { 'Claim code': claim, 'Name of the gateway': 'Greenhouse', 'Your user name': 'me' });
    await fillIn(page, { Password: PASSWORD, 'The same password again': PASSWORD });
    await press(page, 'Become the owner', 'Overview');

    const { device, key } = await devices(page);
    await products(browser, page);
    await sleeper(browser, page, { device, key });

    const hook = await createHook(page, await ask(browser, 'target'));
    await ask(browser, 'publish', { device, key, name: 'temp', values: [21.5] });
    assert.equal(await ask(browser, 'receive'), 'api_key=WRITE-KEY&field1=21.5');
    await ask(browser, 'wait', { for: 'delivered', count: 1 });
    await logs(page);
    await whileItIsBroken(browser, page, { device, key, hook });
    await farewell(browser, page);
    browser.say({ do: 'end', posted: browser.posted() });
});

// Adds one, notes something, renews its key, renames it, removes it and takes it back.
async function devices(page) {
    await go(page, 'Devices');
    await fillIn(page, { Name: 'kitchen' });
    await press(page, 'Add a device', 'kitchen');
    const first = await page.locator('#once').textContent();
    const address = page.url();
    await page.getByLabel('Notes').fill('beside\nthe <b>oven</b>');
    await press(page, 'Save', 'kitchen', 'Saved.');
    assert.equal(await page.getByLabel('Notes').inputValue(), 'beside\nthe <b>oven</b>');
    await fillIn(page, { Name: 'oven' });
    await press(page, 'Rename', 'oven', 'Renamed.');
    await fillIn(page, { Name: 'kitchen' });
    await press(page, 'Rename', 'kitchen', 'Renamed.');

    await page.getByText('Give it a new key').click();
    await press(page, 'Make a new key', 'kitchen', 'This is the new key of kitchen:');
    const key = await page.locator('#once').textContent();
    assert.notEqual(key, first);
    await page.reload();
    assert.equal(await page.locator('#once').count(), 0, 'it is shown once');

    await page.getByText('Remove this device').click();
    await press(page, 'Remove it', 'Devices', 'Device kitchen is removed.');
    const device = new URL(address).pathname.split('/').pop();
    await page.getByRole('link', { name: 'Claim a device by its id' }).click();
    await fillIn(page, { 'Id of the device': device });
    await press(page, 'Claim', 'kitchen', 'yours again');

    await go(page, 'Devices');
    await page.getByRole('searchbox').fill('nothing-like-it');
    await press(page, 'Filter', 'Devices', 'No device has that in its name or id.');
    await page.getByRole('link', { name: 'Show all' }).click();
    await page.getByRole('link', { name: 'kitchen' }).waitFor();
    return { device, key };
}

// A session that is away is shown, and ended.
async function sleeper(browser, page, { device, key }) {
    await ask(browser, 'sleep', { device, key });
    await page.goto(`${browser.told.gateway}/devices/${device}`);
    await page.locator('#sessions', { hasText: 'away' }).waitFor();
    await sure(page, 'End this session', 'kitchen', 'The session is ended.');
    assert.equal(await page.locator('#sessions').count(), 0);
}

// Makes one, changes it, puts the device in and takes it out, and deletes it.
async function products(browser, page) {
    await go(page, 'Products');
    await fillIn(page, { Name: 'Green house', Description: 'all of it' });
    await press(page, 'Create a product', 'Green house', 'is created');
    await page.getByLabel('A device').selectOption({ label: 'kitchen' });
    await press(page, 'Add', 'Green house', 'It is put in.');
    await press(page, 'Take out', 'Green house', 'Taken out.');
    await page.getByLabel('Several devices').fill('kitchen\nnowhere');
    browser.expect(page, /status of 422 .*products/);
    await press(page, 'Add', 'Green house', 'there is no device');
    await page.getByLabel('Several devices').fill('kitchen');
    await press(page, 'Add', 'Green house', 'It is put in.');
    await fillIn(page, { Name: 'House', Description: '' });
    await press(page, 'Save', 'House', 'Saved.');

    await page.getByRole('link', { name: 'kitchen' }).click();
    await page.getByLabel('Product').selectOption({ label: 'none' });
    await page.locator('form[action$="/product"] button').click();
    await page.getByText('Saved.').waitFor();
    await go(page, 'Products');
    await page.getByRole('link', { name: 'House', exact: true }).click();
    await page.getByText('Delete this product').click();
    await press(page, 'Delete it', 'Products', 'Product House is deleted.');
}

// An example, made its own, first half in the form, then half in the JSON.
async function createHook(page, target) {
    await go(page, 'Integrations');
    await page.getByRole('link', { name: 'Create the first one' }).click();
    await page.getByRole('link', { name: 'ThingSpeak' }).click();
    await page.getByText('Draws a curve').waitFor();
    await fillIn(page, { 'Address (URL)': target });
    await page.getByRole('button', { name: 'Bring the JSON and the preview in step with the form' }).click();
    await page.locator('#preview pre', { hasText: `POST ${target}` }).waitFor();
    await page.locator('#tab summary').click();
    const definition = JSON.parse(await page.locator('#definition').inputValue());
    definition.form.api_key = 'WRITE-KEY';
    await page.locator('#definition').fill(JSON.stringify(definition));
    await page.getByRole('button', { name: 'Bring the form in step with the JSON' }).click();
    await page.getByRole('heading', { name: 'New integration' }).waitFor();
    assert.equal(await page.locator('[name="form_value[0]"]').inputValue(), 'WRITE-KEY');
    await press(page, 'Save', 'temp', 'Saved.');
    const hook = new URL(page.url()).pathname.split('/').pop();

    await page.getByRole('link', { name: 'Edit' }).click();
    await fillIn(page, { 'Name of the integration': 'The curve' });
    await press(page, 'Save', 'The curve', 'Saved.');
    await page.getByRole('link', { name: 'Edit' }).click();
    await fillIn(page, { 'Name of the integration': '' });
    await press(page, 'Save', 'temp', 'Saved.');

    await go(page, 'Integrations');
    const file = Buffer.from(JSON.stringify({ event: 'imported', url: target }));
    await page.getByText('Import a hook file').click();
    await page.locator('input[type=file]').setInputFiles({ name: 'hook.json', mimeType: 'application/json', buffer: file });
    await press(page, 'Look at it', 'New integration');
    assert.equal(await page.getByLabel('Event', { exact: true }).inputValue(), 'imported');
    await press(page, 'Save', 'imported', 'Saved.');
    await sure(page, 'Delete', 'Integrations', 'The integration is deleted.');
    return hook;
}

// Filtering asks the server.
async function logs(page) {
    await go(page, 'Logs');
    const names = () => page.locator('.name').allTextContents();
    assert.deepEqual(await names(), ['hook-response/temp/0', 'hook-sent/temp', 'temp']);
    assert.equal(await page.getByRole('button', { name: 'Pause' }).count(), 0, 'what needs a script is not shown');
    await page.getByPlaceholder('Name begins with').fill('hook-');
    await page.getByLabel('Kind').selectOption({ label: 'answer' });
    await press(page, 'Filter', 'Logs');
    assert.deepEqual(await names(), ['hook-response/temp/0']);
    await page.getByRole('link', { name: 'Load again' }).click();
    await page.waitForURL(/name=hook-/);
    assert.deepEqual(await names(), ['hook-response/temp/0']);
}

async function whileItIsBroken(browser, page, { device, key, hook }) {
    await ask(browser, 'break');
    const values = [...Array(11).keys()].map((number) => number + 100);
    await ask(browser, 'publish', { device, key, name: 'temp', values });
    await receive(browser, 10);
    await ask(browser, 'wait', { for: 'dead', count: 10 });
    await page.getByRole('link', { name: 'Greenhouse' }).click();
    await page.getByText('was disabled after 10 errors').waitFor();
    await page.getByRole('link', { name: 'Show' }).click();
    await page.getByText('Too many errors, webhook disabled').waitFor();
    assert.equal(new URL(page.url()).pathname, `/integrations/${hook}`);
    await press(page, 'Try once', 'temp', '500');
    await receive(browser, 1);
    await ask(browser, 'wait', { for: 'dead', count: 11 });
    await ask(browser, 'publish', { device, key, name: 'temp', values: [200] });
    await ask(browser, 'wait', { for: 'waiting', count: 1 });
    await page.reload();
    await sure(page, 'Cancel what waits', 'temp', 'What waited is cancelled.');
    await ask(browser, 'wait', { for: 'dead', count: 12 });
    await ask(browser, 'mend');
    await press(page, 'Resume', 'temp', 'It goes on; what waits is sent.');
    await ask(browser, 'wait', { for: 'waiting', count: 0 });
    await page.reload();

    await page.getByRole('button', { name: 'Send again', exact: true }).first().click();
    await page.getByText('1 wait again, to be sent.').waitFor();
    await receive(browser, 1);
    await page.getByRole('button', { name: 'Throw away', exact: true }).first().click();
    await page.getByText('Thrown away.').waitFor();
    await page.getByRole('button', { name: /^Send all again/ }).click();
    await page.getByText('10 wait again, to be sent.').waitFor();
    await receive(browser, 10);
    await ask(browser, 'wait', { for: 'dead', count: 0 });
    await ask(browser, 'wait', { for: 'waiting', count: 0 });
    await page.reload();
    await page.getByText('Nothing was given up.').waitFor();
    return settle(browser, page);
}

// What can be done with an integration that does well.
async function settle(browser, page) {
    await page.getByLabel('Data').fill('<b>7</b>');
    await press(page, 'Send the test', 'temp', 'Answer: 200');
    await receive(browser, 1);
    await page.getByText('hook-response/temp/0').first().waitFor();
    await press(page, 'Disable', 'temp', 'It is disabled, and skips events.');
    await press(page, 'Enable', 'temp', 'It is enabled.');
    await sure(page, 'Delete', 'Integrations', 'The integration is deleted.');
    await page.getByRole('link', { name: 'Greenhouse' }).click();
    await press(page, 'Mark as read', 'Overview', 'Read.');
    assert.equal(await page.getByText('was disabled after').count(), 0);
}

async function farewell(browser, page) {
    await page.getByRole('button', { name: 'Deutsch' }).click();
    await page.getByRole('heading', { name: 'Übersicht' }).waitFor();
    await page.getByRole('button', { name: 'English' }).click();
    await logOut(page);
    await fillIn(page, { 'User name': 'me', Password: 'wrong' });
    browser.expect(page, /status of 403 .*login/);
    await press(page, 'Log in', 'Log in', 'The user name or the password is wrong.');
    await fillIn(page, { Password: PASSWORD });
    await press(page, 'Log in', 'Overview');
}

async function receive(browser, count) {
    for (let received = 0; received < count; received += 1) {
        await ask(browser, 'receive');
    }
}

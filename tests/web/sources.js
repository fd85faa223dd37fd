// Devices that somebody has already: a login is made, a plug speaks, is adopted under another name and removed.
'use strict';
const assert = require('node:assert/strict');
const { flow } = require('./browser');
const { fillIn, go, press, sure, path } = require('./person');
const { seen, ask } = require('./seen');

const PASSWORD = 'correct horse';
const HEADING = 'Devices that you already have';
const DATA = '{"Time":"2026-11-25T10:13:52","ENERGY":{"Power":12}}';

flow(async (browser) => {
    const { gateway, claim, script } = browser.told;
    const page = await browser.open(script ? {} : { script: false, width: 390 });
    await page.goto(gateway);
    await fillIn(page, { 'Claim code': claim, 'Your user name': 'me' });
    await fillIn(page, { Password: PASSWORD, 'The same password again': PASSWORD });
    await press(page, 'Become the owner', 'Overview');
    await go(page, 'Devices');
    await open(page);

    await page.getByLabel('What speaks there').selectOption('tasmota');
    await fillIn(page, { 'User name': 'house' });
    await press(page, 'Add a source', HEADING, 'this password');
    const password = await page.locator('#once').textContent();
    await fillIn(page, { 'User name': 'house' });
    browser.expect(page, /status of 422 .*sources/);
    await press(page, 'Add a source', HEADING);
    await page.getByRole('alert').waitFor();

    for (const plug of ['kitchen-plug', '<b>lamp']) {
        const topic = `tele/${plug}/SENSOR`;
        await ask(browser, 'publish', { name: 'house', password, topic, data: DATA });
    }
    await page.goto(`${gateway}/sources`);
    await page.getByRole('row', { name: '<b>lamp' }).getByText('sensor/ENERGY').waitFor();
    const row = page.getByRole('row', { name: 'kitchen-plug' });
    await row.getByText('{"Power":12}').waitFor();
    if (script) {
        await seen(browser, page, 'sources');
    }
    await row.getByLabel('Name', { exact: true }).fill('kitchen');
    await row.getByRole('button', { name: 'Adopt it' }).click();
    await page.getByText('Device kitchen is adopted.').waitFor();
    await row.getByRole('link', { name: 'kitchen', exact: true }).click();
    await page.getByRole('heading', { name: 'kitchen', level: 1, exact: true }).waitFor();
    await sure(page, 'Forget this device', 'Devices', 'Device kitchen is removed.');
    await open(page);
    assert.equal(await page.getByRole('button', { name: 'Adopt it' }).count(), 2, 'it can be adopted again');
    browser.say({ do: 'end', posted: browser.posted() });
});

async function open(page) {
    await page.getByRole('link', { name: HEADING }).click();
    await page.getByRole('heading', { name: HEADING, level: 1 }).waitFor();
    assert.equal(path(page), '/sources');
}

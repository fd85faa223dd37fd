// Sensors over Bluetooth: the radio comes, a sensor is heard, adopted, set and forgotten; one that encrypts is taken with
// its key alone; two are adopted at once. With scripts every page is seen and follows by itself; without them it is done
// on a phone, and pages are loaded again.
'use strict';
const assert = require('node:assert/strict');
const { flow } = require('./browser');
const { fillIn, go, press, sure, path } = require('./person');
const { seen, ask } = require('./seen');

const PASSWORD = 'correct horse';
const ADAPTER = 'B8:27:EB:00:00:01';
const KITCHEN = 'A4:C1:38:00:00:01';
const SHEDS = ['A4:C1:38:00:00:02', 'A4:C1:38:00:00:03'];
const BOARD = 'A4:C1:38:00:00:04';
const LATE = 'A4:C1:38:00:00:05';
const UNKNOWN = 'A4:C1:38:00:00:99';
const SEALED = '54:48:E6:8F:80:A5';
// The example of https://bthome.io/encryption/, read 2026-11.
const RIGHT = '231d39c1d7cc1ab1aee224cd096db932';
const WRONG = '00'.repeat(16);

flow(async (browser) => {
    const { gateway, claim, script } = browser.told;
    const page = await browser.open(script ? {} : { script: false, width: 390 });
    await page.goto(gateway);
    await fillIn(page, { 'Claim code': claim, 'Your user name': 'me' });
    await fillIn(page, { Password: PASSWORD, 'The same password again': PASSWORD });
    await press(page, 'Become the owner', 'Overview');
    const sensors = new Sensors(browser, page);
    await sensors.withoutAdapter();
    await sensors.heard();
    await sensors.adopted();
    await sensors.set();
    await sensors.encrypted();
    await sensors.linked();
    await sensors.several();
    await sensors.forgotten();
    browser.say({ do: 'end', posted: browser.posted() });
});

class Sensors {
    constructor(browser, page) {
        this.browser = browser;
        this.page = page;
    }

    async withoutAdapter() {
        const bluetooth = this.page.getByRole('row', { name: 'Bluetooth' });
        await bluetooth.getByText('no_adapter').waitFor();
        await bluetooth.getByText('no Bluetooth adapter is there').waitFor();
        assert.equal(await bluetooth.locator('.bad').count(), 0, 'a machine without Bluetooth is a good one');
        await go(this.page, 'Sensors');
        await this.page.getByText('no Bluetooth adapter is there').waitFor();
        await this.#seen('sensors-no-adapter');
        await ask(this.browser, 'plug');
        await this.#until('scanning');
        await this.page.getByText(ADAPTER).waitFor();
    }

    async heard() {
        await ask(this.browser, 'send', { address: KITCHEN, packet: 1 });
        await ask(this.browser, 'send', { what: 'sealed' });
        await ask(this.browser, 'send', { what: 'unknown' });
        await this.#until(KITCHEN);
        await this.#until(SEALED);
        const row = this.page.getByRole('row', { name: KITCHEN });
        await row.getByText('temperature 25.06, humidity 48').waitFor();
        await row.getByText('−60 dBm').waitFor();
        await this.page.getByRole('row', { name: SEALED }).getByText('needs its bind key').waitFor();
        assert.equal(await this.page.getByText(UNKNOWN).count(), 0);
        await this.#seen('sensors-heard');
        await this.page.getByRole('link', { name: 'Show all' }).click();
        await this.page.getByText('<b>toothbrush</b>').waitFor();
        await this.page.getByRole('searchbox').fill('toothbrush');
        await press(this.page, 'Filter', 'Sensors');
        await this.page.getByText('<b>toothbrush</b>').waitFor();
        assert.equal(await this.page.getByText(KITCHEN).count(), 0, 'a filter filters');
        await this.#seen('sensors-all');
    }

    async adopted() {
        await ask(this.browser, 'hook');
        await this.#open(KITCHEN);
        await this.#seen('sensor');
        await fillIn(this.page, { Name: ' ' });
        this.browser.expect(this.page, /status of 422 .*adopt/);
        await press(this.page, 'Adopt it', KITCHEN);
        await this.page.getByRole('alert').waitFor();
        await fillIn(this.page, { Name: 'kitchen' });
        await press(this.page, 'Adopt it', 'kitchen', 'Sensor kitchen is adopted.');
        await ask(this.browser, 'send', { address: KITCHEN, packet: 2 });
        const request = await ask(this.browser, 'receive');
        const said = { temperature: 25.06, humidity: 48, rssi: -60, adapter: ADAPTER, seq: 2, authenticated: false };
        assert.deepEqual(request, { name: 'sensor', data: said });
        await this.#until('"temperature":25.06');
        await this.page.getByText('it triggers: sensor.').waitFor();
        await ask(this.browser, 'send', { address: KITCHEN, packet: 2 });
        await this.#until('1 × the same packet, heard again');
        await this.#seen('device-sensor');
    }

    async set() {
        await fillIn(this.page, { 'Events a minute at most': 'many', temperature: '0.5' });
        this.browser.expect(this.page, /status of 422 .*telling/);
        await press(this.page, 'Save settings', 'kitchen', 'many is no number.');
        assert.equal(await this.page.getByLabel('temperature').inputValue(), '0.5');
        await fillIn(this.page, { 'Events a minute at most': '0' });
        await press(this.page, 'Save settings', 'kitchen', 'the number of events a minute is 1 to 1200, not 0');
        await this.#seen('device-sensor-refused');
        await fillIn(this.page, { 'Events a minute at most': '6' });
        await press(this.page, 'Save settings', 'kitchen', 'Saved.');
        assert.equal(await this.page.getByLabel('temperature').inputValue(), '0.5');
        assert.equal(await this.page.getByLabel('Events a minute at most').inputValue(), '6');
        await press(this.page, 'As if nothing was set', 'kitchen', 'Saved.');
        assert.equal(await this.page.getByLabel('temperature').inputValue(), '0.1');
        assert.equal(await this.page.getByLabel('Events a minute at most').inputValue(), '60');
    }

    // The key is tried on the next packet, and meanwhile the page tells that it waits.
    async encrypted() {
        await this.#open(SEALED);
        await fillIn(this.page, { Name: 'cellar' });
        await press(this.page, 'Adopt it', SEALED, 'give its bind key');
        assert.equal(await this.page.getByLabel('Name').inputValue(), 'cellar');
        await fillIn(this.page, { 'Bind key': '0123' });
        await press(this.page, 'Adopt it', SEALED, '32 hex digits');
        await fillIn(this.page, { 'Bind key': WRONG });
        await press(this.page, 'Adopt it', SEALED, 'The bind key is tried on the next packet');
        await this.#seen('sensor-waiting');
        await ask(this.browser, 'send', { what: 'sealed' });
        await this.#until('bind key does not fit');
        assert.equal(await this.page.getByLabel('Name').inputValue(), 'cellar', 'what was typed is not lost');
        await this.#seen('sensor-wrong-key');
        await fillIn(this.page, { 'Bind key': RIGHT });
        await press(this.page, 'Adopt it', SEALED, 'The bind key is tried on the next packet');
        await ask(this.browser, 'send', { what: 'sealed' });
        await this.#until('Sensor cellar is adopted.');
        await this.page.getByRole('heading', { name: 'cellar', level: 1 }).waitFor();
        await this.page.getByText('It has one.').waitFor();
        assert.equal(await this.page.getByText('Anybody nearby').count(), 0, 'nobody else can send in its name');

        await this.page.getByText('Give it a bind key').click();
        await fillIn(this.page, { 'Bind key': '0123' });
        this.browser.expect(this.page, /status of 422 .*bind-key/);
        await press(this.page, 'Try and save it', 'cellar', '32 hex digits');
        await fillIn(this.page, { 'Bind key': RIGHT });
        await press(this.page, 'Try and save it', 'cellar', 'The bind key is tried on the next packet');
        await this.#seen('device-sensor-waiting');
        await ask(this.browser, 'send', { what: 'sealed' });
        await this.#until('The bind key fits, and is saved.');
        const told = { temperature: 25.06, humidity: 50.55, rssi: -60, adapter: ADAPTER };
        const proven = { ...told, seq: 0x33221100, authenticated: true };
        assert.deepEqual(await ask(this.browser, 'receive'), { name: 'sensor', data: proven });
        await this.#seen('device-sensor-sealed');
    }

    // What is connected to has a key, which is shown once.
    async linked() {
        await ask(this.browser, 'send', { address: BOARD, packet: 1 });
        await this.#open(BOARD);
        await fillIn(this.page, { Name: 'board' });
        await this.page.getByLabel('Connection').selectOption('farhook');
        await press(this.page, 'Adopt it', 'board', 'Sensor board is adopted. This is its key:');
        assert.ok((await this.page.locator('#once').textContent()).length > 20);
        await this.#seen('device-sensor-linked');
        await this.page.reload();
        assert.equal(await this.page.locator('#once').count(), 0, 'it is shown once');
        // It sends, and does not let anybody connect.
        await this.#until('le-connection-abort-by-local');
    }

    // Two that are ticked, and then all of a model.
    async several() {
        for (const address of SHEDS) {
            await ask(this.browser, 'send', { address, packet: 1 });
        }
        await go(this.page, 'Sensors');
        await this.page.getByRole('link', { name: 'Adopt several' }).click();
        await this.page.getByRole('heading', { name: 'Adopt several', level: 1 }).waitFor();
        await fillIn(this.page, { 'What their names begin with': 'shed' });
        this.browser.expect(this.page, /status of 422 .*several/);
        await press(this.page, 'Adopt them', 'Adopt several', 'Tick some sensors, or choose a model.');
        for (const address of SHEDS) {
            await this.page.getByLabel(address).check();
        }
        await this.#seen('sensors-several');
        await press(this.page, 'Adopt them', 'Sensors', 'Adopted: 2.');
        await this.page.getByRole('link', { name: 'shed-000002' }).waitFor();
        await this.page.getByRole('link', { name: 'shed-000003' }).waitFor();

        await ask(this.browser, 'send', { address: LATE, packet: 1 });
        await this.page.goto(`${this.browser.told.gateway}/sensors/several`);
        await this.page.getByLabel('Which').selectOption({ label: 'all of bthome (1)' });
        await fillIn(this.page, { 'What their names begin with': 'late' });
        await press(this.page, 'Adopt them', 'Sensors', 'Adopted: 1.');
        await this.page.getByRole('link', { name: 'late-000005' }).waitFor();
    }

    async forgotten() {
        await go(this.page, 'Sensors');
        await this.#seen('sensors');
        await this.page.getByRole('link', { name: 'kitchen' }).click();
        await sure(this.page, 'Forget this sensor', 'Sensors', 'Sensor kitchen is forgotten.');
        await ask(this.browser, 'send', { address: KITCHEN, packet: 3 });
        await this.page.getByRole('link', { name: KITCHEN }).waitFor();
    }

    // The page of a device that nobody has adopted.
    async #open(address) {
        await go(this.page, 'Sensors');
        await this.page.getByRole('link', { name: address }).click();
        await this.page.getByRole('heading', { name: address, level: 1 }).waitFor();
        assert.equal(path(this.page), `/sensors/${address}`);
    }

    // Until that stands on the page: it follows by itself, or is loaded again.
    async #until(text) {
        const wanted = this.page.getByText(text).first();
        if (this.browser.told.script) {
            await wanted.waitFor();
            return;
        }
        for (let times = 0; times < 50 && await wanted.count() === 0; times += 1) {
            const again = this.page.getByRole('link', { name: 'Load again' });
            await (await again.count() > 0 ? again.click() : this.page.reload());
        }
        await wanted.waitFor();
    }

    async #seen(name) {
        if (this.browser.told.script) {
            await seen(this.browser, this.page, name);
        }
    }
}

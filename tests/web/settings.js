// The settings, as the owner and as a member: secrets, users, tokens, the password, one-time passwords, the gateway's
// name, pausing the queue, a backup and its restore. With scripts every page is seen; without them it is done on a phone.
'use strict';
const assert = require('node:assert/strict');
const { createHmac } = require('node:crypto');
const { readFile } = require('node:fs/promises');
const { flow } = require('./browser');
const { fillIn, go, press, sure, logOut } = require('./person');
const { seen } = require('./seen');

const FIRST = 'correct horse';
const SECOND = 'battery staple';
const PASSPHRASE = 'four plain little words';

flow(async (browser) => {
    const { gateway, claim } = browser.told;
    const settings = new Settings(browser, await open(browser));
    await settings.page.goto(gateway);
    await fillIn(settings.page, { 'Claim code': claim, 'Your user name': 'olga', ...twice(FIRST) });
    await press(settings.page, 'Become the owner', 'Overview');
    await settings.secrets();
    await settings.users();
    await settings.tokens();
    await settings.password();
    await settings.oneTimePasswords();
    await settings.name();
    await settings.queue();
    await settings.backup();
    await settings.everywhere();
    browser.say({ do: 'end', posted: browser.posted() });
});

class Settings {
    constructor(browser, page) {
        this.browser = browser;
        this.page = page;
        this.current = FIRST;
    }

    async secrets() {
        await this.#part('Secrets');
        await this.#seen('secrets-empty');
        await fillIn(this.page, { Name: 'THINGSPEAK_KEY', Value: 'first' });
        await press(this.page, 'Set', 'Secrets', 'THINGSPEAK_KEY is set.');
        await fillIn(this.page, { Name: 'no capital', Value: 'first' });
        this.browser.expect(this.page, /status of 422 .*secrets/);
        await this.page.getByRole('button', { name: 'Set', exact: true }).click();
        await this.page.getByRole('alert').waitFor();
        assert.equal(await this.page.getByLabel('Name', { exact: true }).inputValue(), 'no capital');
        await this.#seen('secrets');
        await fillIn(this.page, { Name: 'OTHER', Value: 'second' });
        await press(this.page, 'Set', 'Secrets', 'OTHER is set.');
        const other = this.page.getByRole('row', { name: 'OTHER' });
        await other.locator('summary').click();
        await other.getByRole('button', { name: 'Yes: Remove' }).click();
        await this.page.getByText('OTHER is removed.').waitFor();
    }

    // One member is removed by the owner, one leaves.
    async users() {
        await this.#part('Users');
        for (const name of ['mia', 'ben']) {
            await fillIn(this.page, { 'User name': name, ...twice(FIRST) });
            await press(this.page, 'Add a user', 'Users', `${name} is added`);
        }
        await this.#seen('users');
        await this.page.getByRole('row', { name: 'ben' }).locator('summary').click();
        await this.page.getByRole('button', { name: 'Remove it all' }).last().click();
        await this.page.getByText('ben is removed.').waitFor();

        const page = await open(this.browser);
        await page.goto(this.browser.told.gateway);
        await fillIn(page, { 'User name': 'mia', Password: FIRST });
        await press(page, 'Log in', 'Overview');
        assert.equal(await page.getByRole('link', { name: 'Queue' }).count(), 0, 'the queue is the owner\'s');
        await go(page, 'Devices');
        await page.goto(`${this.browser.told.gateway}/settings`);
        await page.locator('summary', { hasText: 'Remove this account' }).click();
        await fillIn(page, { 'Your password': FIRST });
        await press(page, 'Remove this account', 'Log in');
        await page.context().close();
        await this.page.reload();
        assert.equal(await this.page.getByRole('row').count(), 2, 'nobody but the owner is left');
    }

    async tokens() {
        await this.#part('Account');
        await fillIn(this.page, { 'What it is for': 'Grafana', 'Days until it ends': '7' });
        await press(this.page, 'Make a token', 'Account of olga', 'This is the new token:');
        const token = await this.page.locator('#once').textContent();
        assert.match(token, /^[0-9a-f]{40}$/);
        await this.#seen('account-token');
        await this.page.getByRole('row', { name: 'Grafana' }).getByRole('button', { name: 'Log out' }).click();
        await this.page.getByText('It is logged out.').waitFor();
        assert.equal(await this.page.getByRole('row', { name: 'Grafana' }).count(), 0);
    }

    async password() {
        await fillIn(this.page, { 'Password now': 'wrong', 'New password': SECOND, 'The same password again': SECOND });
        await press(this.page, 'Change the password', 'Account of olga', 'That is not your password.');
        await fillIn(this.page, { 'Password now': FIRST, 'New password': SECOND, 'The same password again': SECOND });
        await press(this.page, 'Change the password', 'Account of olga', 'Your password is changed.');
        this.current = SECOND;
    }

    async oneTimePasswords() {
        await press(this.page, 'Set up one-time passwords', 'One-time passwords');
        await this.#seen('one-time-passwords');
        const secret = await this.page.locator('#secret').textContent();
        const digits = 'The six digits that your authenticator app shows';
        await fillIn(this.page, { [digits]: oneTimePassword(secret, 0) });
        await press(this.page, 'Switch them on', 'Account of olga', 'From now on you are asked');
        await logOut(this.page);
        await fillIn(this.page, { 'User name': 'olga', Password: this.current });
        await press(this.page, 'Log in', 'One-time password');
        await this.#seen('login-one-time-password');
        // None is taken twice; the next one is right already.
        await fillIn(this.page, { [digits]: oneTimePassword(secret, 1) });
        await press(this.page, 'Log in', 'Overview');
        await this.#part('Account');
        await this.page.locator('summary', { hasText: 'Switch them off' }).click();
        await fillIn(this.page, { 'Your password': this.current });
        await press(this.page, 'Switch them off', 'Account of olga', 'You are not asked for one-time passwords any more.');
    }

    async name() {
        await this.#part('Gateway');
        await this.#seen('gateway');
        await fillIn(this.page, { 'Name of the gateway': 'Workshop' });
        await press(this.page, 'Rename', 'Gateway', 'Renamed.');
        assert.match(await this.page.title(), /Workshop/);
    }

    async queue() {
        await go(this.page, 'Queue');
        await press(this.page, 'Pause sending', 'Queue and network', 'Nothing is sent until you resume.');
        await this.#seen('queue-paused');
        await press(this.page, 'Resume sending', 'Queue and network', 'It is sent again.');
        await press(this.page, 'Ask all that are down now', 'Queue and network', 'It is asked now.');
    }

    async backup() {
        await this.#part('Backup');
        await this.#seen('backup');
        const passphrases = { Passphrase: PASSPHRASE, 'The same passphrase again': PASSPHRASE };
        const passwords = this.page.locator('#make').getByLabel('Your password', { exact: true });
        await fillIn(this.page, passphrases);
        await passwords.fill(this.current);
        const file = await this.#download(() => this.page.getByRole('button', { name: 'Download the backup' }).click());
        assert.match(file.name, /\.tar\.gz$/);
        const link = this.page.getByRole('link', { name: 'Download the diagnostics' });
        const diagnostics = await this.#download(() => link.click());
        assert.ok(diagnostics.bytes.length > 500);

        // What is changed meanwhile is as before afterwards.
        await this.#part('Secrets');
        await sure(this.page, 'Remove', 'Secrets', 'THINGSPEAK_KEY is removed.');
        await this.#part('Backup');
        const restore = this.page.locator('#restore');
        const buffer = file.bytes;
        await restore.locator('input[type=file]').setInputFiles({ name: file.name, mimeType: 'application/gzip', buffer });
        await fillIn(this.page, { 'Passphrase of the backup': PASSPHRASE });
        await restore.getByLabel('Your password', { exact: true }).fill(this.current);
        await restore.getByRole('checkbox').check();
        await press(this.page, 'Restore', 'Restored', 'The backup is restored: 1 users');
        await this.#seen('restored');
        await this.page.getByRole('link', { name: 'To the first page' }).click();
        await this.page.getByRole('heading', { name: 'Overview' }).waitFor();
        await this.#part('Secrets');
        await this.page.getByRole('row', { name: 'THINGSPEAK_KEY' }).waitFor();
    }

    async everywhere() {
        await this.#part('Account');
        await this.#seen('account');
        await this.page.locator('summary', { hasText: 'Log out everywhere' }).click();
        await press(this.page, 'Log out everywhere', 'Log in');
        await fillIn(this.page, { 'User name': 'olga', Password: this.current });
        await press(this.page, 'Log in', 'Overview');
        await this.#german();
    }

    // The longest texts are German; the pages have room for them.
    async #german() {
        await this.page.getByRole('button', { name: 'Deutsch' }).click();
        await this.page.getByRole('heading', { name: 'Übersicht' }).waitFor();
        for (const address of ['/', '/integrations/new', '/queue', '/settings', '/settings/gateway', '/settings/backup']) {
            await this.page.goto(`${this.browser.told.gateway}${address}`);
            await this.#seen(`german${address.replaceAll('/', '-')}`);
        }
        await this.page.getByRole('button', { name: 'English' }).click();
        await this.page.getByRole('heading', { name: 'Backup' }).first().waitFor();
    }

    // Goes to one part of the settings.
    async #part(name) {
        await this.page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Settings' }).click();
        const parts = this.page.getByRole('navigation', { name: 'Parts of the settings' });
        await parts.getByRole('link', { name }).click();
        await this.page.waitForURL(name === 'Account' ? /settings$/ : new RegExp(`settings/${name.toLowerCase()}$`));
        await this.page.getByRole('heading', { name, level: 1 }).waitFor();
    }

    async #download(begin) {
        const [download] = await Promise.all([this.page.waitForEvent('download'), begin()]);
        return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
    }

    async #seen(name) {
        if (this.browser.told.script) {
            await seen(this.browser, this.page, name);
        }
    }
}

// Who has no script has a phone.
async function open(browser) {
    const { script } = browser.told;
    const page = await browser.open(script ? {} : { script, width: 390 });
    page.on('dialog', (dialog) => dialog.accept());
    return page;
}

function twice(password) {
    return { Password: password, 'The same password again': password };
}

// RFC 6238 with what every authenticator app takes for granted: SHA-1, 30 seconds, 6 digits.
function oneTimePassword(secret, steps) {
    const bits = [...secret].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0'));
    const key = Buffer.from(bits.join('').match(/.{8}/g).map((byte) => parseInt(byte, 2)));
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000) + steps));
    const mac = createHmac('sha1', key).update(counter).digest();
    const at = mac[mac.length - 1] & 15;
    return String((mac.readUInt32BE(at) & 0x7fffffff) % 1000000).padStart(6, '0');
}

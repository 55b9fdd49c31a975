// One day of a node-zookeeper-client user. The lines it speaks are told at the head of ../run.py.
'use strict';

const zookeeper = require('node-zookeeper-client');
const readline = require('readline');

const answers = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const hosts = process.argv[2];
const saw = (name, value) => console.log('saw', name, JSON.stringify(value));

async function ask(what) {
  console.log('do', what);
  const line = (await answers.next()).value;
  if (line !== 'done') throw new Error(`the runner could not ${what}`);
}

function check(holds, what) {
  if (!holds) throw new Error(what);
}

async function step(name, run) {
  try {
    await run();
    console.log('ok', name);
  } catch (error) {
    console.log('not ok', name, String(error.message || error).replace(/\n/g, ' '));
  }
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

async function until(what, condition) {
  for (let waited = 0; waited < 30000; waited += 20) {
    if (await condition()) return;
    await pause(20);
  }
  throw new Error(`waited 30 s for ${what}`);
}

// The client takes callbacks; `call(client, 'getData', path)` gives [data, stat]. It forgets some requests when
// the connection ends: these are failed here.
function call(client, method, ...given) {
  return new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`no answer to ${method} within 5 s`)), 5000).unref();
    client[method](...given, (error, ...results) => (error ? reject(error) : resolve(results)));
  });
}

async function refused(code, promise) {
  try {
    await promise;
  } catch (error) {
    check(error.getCode && error.getCode() === code, `wanted ${code}, got ${error}`);
    return;
  }
  throw new Error(`no error ${code}`);
}

function connect() {
  return new Promise((resolve) => {
    const client = zookeeper.createClient(hosts, { sessionTimeout: 4000, spinDelay: 200, retries: 5 });
    client.once('connected', () => resolve(client));
    client.connect();
  });
}

async function main() {
  const { Exception, CreateMode } = zookeeper;
  const client = await connect();
  const other = await connect();
  const id = () => client.getSessionId().toString('hex');

  await step('connect', () => saw('timeout_ms', client.getSessionTimeout()));

  await step('crud', async () => {
    saw('created', (await call(client, 'create', '/day', Buffer.from('one')))[0]);
    await refused(Exception.NODE_EXISTS, call(client, 'create', '/day'));
    const [data, stat] = await call(client, 'getData', '/day');
    saw('data', [data.toString(), stat.version, stat.cversion, stat.dataLength, stat.numChildren]);
    await call(client, 'setData', '/day', Buffer.from('two'), 0);
    await refused(Exception.BAD_VERSION, call(client, 'setData', '/day', Buffer.from('x'), 0));
    await call(client, 'mkdirp', '/day/a/b');
    await refused(Exception.NOT_EMPTY, call(client, 'remove', '/day'));
    saw('children', (await call(client, 'getChildren', '/day'))[0]);
    for (const path of ['/day/a/b', '/day/a', '/day']) await call(client, 'remove', path);
    await refused(Exception.NO_NODE, call(client, 'getData', '/day'));
    saw('acl', (await call(client, 'getACL', '/'))[0].map(String));
  });

  await step('watch', async () => {
    const seen = [];
    const watcher = (event) => seen.push(`${event.getName()} ${event.getPath()}`);
    await call(client, 'create', '/watched');
    await call(client, 'getData', '/watched', watcher);
    await call(client, 'getChildren', '/watched', watcher);
    await call(client, 'exists', '/absent', watcher);
    await call(other, 'setData', '/watched', Buffer.from('1'));
    await call(other, 'create', '/watched/a');
    await call(other, 'create', '/absent');
    await until('three events', () => seen.length === 3);
    saw('events', seen);
  });

  await step('ephemeral_and_sequence', async () => {
    const [path] = await call(client, 'create', '/seq-', null, CreateMode.EPHEMERAL_SEQUENTIAL);
    saw('sequence', path);
    check((await call(other, 'exists', path))[0].ephemeralOwner.toString('hex') === id(), 'another owner');
    const third = await connect();
    await call(third, 'create', '/gone', null, CreateMode.EPHEMERAL);
    let gone = false;
    await call(other, 'exists', '/gone', () => { gone = true; });
    third.close();
    await until('the ephemeral of a closed session to go', () => gone);
  });

  await step('transaction', async () => {
    const transaction = client.transaction().create('/multi', Buffer.from('m')).check('/multi', 0).setData('/multi', Buffer.from('n'));
    saw('multi', (await call(transaction, 'commit'))[0].map((r) => [r.type, r.path]));
    const failing = client.transaction().create('/multi/x').remove('/multi', 9);
    await refused(Exception.BAD_VERSION, call(failing, 'commit'));
    check(!(await call(client, 'exists', '/multi/x'))[0], 'half a transaction');
  });

  await step('restart_keeps_session', async () => {
    const before = id();
    let changed = false;
    await call(client, 'create', '/survivor', null, CreateMode.EPHEMERAL);
    await call(client, 'getData', '/watched', () => { changed = true; });
    await ask('restart');
    await until('a read', () => call(client, 'exists', '/survivor').then(([stat]) => stat, () => null));
    check(id() === before, 'another session');
    await until('a write', () => call(other, 'setData', '/watched', Buffer.from('after')).then(() => true, () => false));
    await until('the event after the restart', () => changed);
  });

  await step('session_expiry', async () => {
    let expired = false;
    client.once('expired', () => { expired = true; });
    await call(client, 'create', '/mortal', null, CreateMode.EPHEMERAL);
    await ask('expire');
    await until('the news of the expiry', () => expired);
    const next = await connect();
    check(!(await call(next, 'exists', '/mortal'))[0], 'an ephemeral outlived its session');
  });
  process.exit(0);
}

main();

// SPDX-License-Identifier: Apache-2.0
// Opsgenie's own client: node opsgenie.js URL KEY ALIAS; create, ask what became of it, acknowledge, note, get, list,
// close.  Prints each answer.
const opsgenie = require(`${process.env.SENDERS}/node_modules/opsgenie-sdk`);

const [host, key, alias] = process.argv.slice(2);
const out = {};
const call = (fn, ...args) => new Promise((ok, bad) => fn(...args, (e, r) => (e ? bad(e) : ok(r))));

async function main() {
  opsgenie.configure({ host, api_key: key });
  const by = { identifier: encodeURIComponent(alias), identifierType: 'alias' };   // it leaves that to its caller
  const api = opsgenie.alertV2;

  out.create = await call(api.create, { message: `${alias} is broken`, alias, priority: 'P1', entity: 'db-1',
                                        tags: ['prod', 'db'], details: { mount: '/var' } });
  out.status = await call(api.getRequestStatus, out.create.requestId, {});
  out.acknowledge = await call(api.acknowledge, by, { user: 'anna', note: 'on it' });
  out.note = await call(api.addNote, by, { user: 'anna', note: 'extending the volume' });
  out.get = await call(api.get, { identifier: out.status.data.alertId, identifierType: 'id' });
  out.list = await call(api.list, { query: 'status: open', limit: 10 });
  out.close = await call(api.close, by, { user: 'anna', note: 'done' });
  out.closed = await call(api.get, by);
}

main().then(() => console.log(JSON.stringify(out))).catch((e) => { console.error(e); process.exit(1); });

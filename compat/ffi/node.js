// What npm's package `zookeeper` does on libzookeeper_st, in Node's own loop; run on both libraries by trials.py.
//
//   node node.js HOST:PORT FOLDER-OF-PACKAGE      (its addon is built in build/Release)
"use strict";
const Module = require("module");
const path = require("path");

const folder = process.argv[3];
const addon = require(path.join(folder, "build/Release/zookeeper.node"));
const load = Module._load;
Module._load = function (name, ...rest) {
    return name === "node-gyp-build" ? () => addon : load.call(this, name, ...rest);
};
const ZooKeeper = require(path.join(folder, "lib/index.js"));
const settings = { connect: process.argv[2], timeout: 6000, debug_level: 1, host_order_deterministic: true, data_as_buffer: false };
const say = (...words) => console.log(...words);
const client = new ZooKeeper(settings);
const PATH = "/node-binding";

// One call after another: each is given what the one before was told.
const steps = [
    (next) => client.a_create(PATH, "v", 0, (rc, error, made) => next("create", rc, made)),
    (next) => client.a_create(PATH, "v", 0, (rc) => next("create again", rc)),
    (next) => client.aw_get(PATH, (type, state, where) => say("watch", type, state, where),
        (rc, error, stat, data) => next("get", rc, stat && stat.version, String(data))),
    (next) => client.a_set(PATH, "w", 0, (rc, error, stat) => next("set", rc, stat && stat.version)),
    (next) => client.a_set(PATH, "w", 0, (rc) => next("set old", rc)),
    (next) => client.a_get_children("/", false, (rc, error, names) => next("children", rc, names.includes(PATH.slice(1)))),
    (next) => client.a_exists("/none", false, (rc) => next("exists", rc)),
    (next) => client.a_get_acl(PATH, (rc, error, acl) => next("acl", rc, JSON.stringify(acl))),
    (next) => client.a_sync(PATH, (rc, error, where) => next("sync", rc, where)),
    (next) => client.a_delete_(PATH, -1, (rc) => next("delete", rc)),
];

function run(at) {
    if (at === steps.length) {
        client.close();
        say("end");
        setTimeout(() => process.exit(0), 300);
        return;
    }
    steps[at]((...told) => {
        say(...told);
        run(at + 1);
    });
}

client.once("connect", () => run(0));
client.connect(settings, () => {});
setTimeout(() => process.exit(3), 10000);

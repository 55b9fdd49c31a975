// One day of a Go user of go-zookeeper/zk. The lines it speaks are told at the head of ../run.py.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/go-zookeeper/zk"
)

var open = zk.WorldACL(zk.PermAll)
var stdin = bufio.NewReader(os.Stdin)

type quiet struct{}

func (quiet) Printf(string, ...interface{}) {}

func saw(name string, value interface{}) { fmt.Printf("saw %s %v\n", name, value) }

func ask(what string) {
	fmt.Println("do", what)
	if line, _ := stdin.ReadString('\n'); strings.TrimSpace(line) != "done" {
		panic("the runner could not " + what)
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func expect(got, wanted error) {
	if !errors.Is(got, wanted) {
		panic(fmt.Sprintf("wanted %v, got %v", wanted, got))
	}
}

func step(name string, run func()) {
	defer func() {
		if cause := recover(); cause != nil {
			fmt.Printf("not ok %s %v\n", name, cause)
			return
		}
		fmt.Println("ok", name)
	}()
	run()
}

func until(what string, condition func() bool) {
	for deadline := time.Now().Add(30 * time.Second); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			panic("waited 30 s for " + what)
		}
	}
}

func connect() (*zk.Conn, <-chan zk.Event) {
	conn, events, err := zk.Connect([]string{os.Args[1]}, 4*time.Second, zk.WithLogger(quiet{}))
	must(err)
	until("a session", func() bool { return conn.State() == zk.StateHasSession })
	return conn, events
}

func crud(conn *zk.Conn) {
	path, err := conn.Create("/day", []byte("one"), 0, open)
	must(err)
	saw("created", path)
	_, err = conn.Create("/day", nil, 0, open)
	expect(err, zk.ErrNodeExists)
	data, stat, err := conn.Get("/day")
	must(err)
	saw("data", fmt.Sprint(string(data), stat.Version, stat.Cversion, stat.Aversion, stat.DataLength, stat.NumChildren, stat.EphemeralOwner))
	_, err = conn.Set("/day", []byte("two"), 0)
	must(err)
	_, err = conn.Set("/day", []byte("three"), 0)
	expect(err, zk.ErrBadVersion)
	_, err = conn.Create("/day/child", nil, 0, open)
	must(err)
	expect(conn.Delete("/day", -1), zk.ErrNotEmpty)
	children, _, err := conn.Children("/day")
	must(err)
	saw("children", children)
	must(conn.Delete("/day/child", 0))
	must(conn.Delete("/day", -1))
	_, _, err = conn.Get("/day")
	expect(err, zk.ErrNoNode)
	_, err = conn.Create("/ttl", nil, zk.FlagTTL, open)
	saw("flag_ttl_in_a_plain_create", err)
	_, err = conn.Create("/later", nil, 0, open)
	must(err)
	_, err = conn.CreateContainer("/later/container", nil, zk.FlagContainer, open)
	saw("container", err)
}

func watch(conn, other *zk.Conn) {
	_, err := conn.Create("/watched", nil, 0, open)
	must(err)
	_, _, data, err := conn.GetW("/watched")
	must(err)
	_, _, children, err := conn.ChildrenW("/watched")
	must(err)
	_, _, exists, err := conn.ExistsW("/absent")
	must(err)
	_, err = other.Set("/watched", []byte("1"), -1)
	must(err)
	_, err = other.Create("/watched/a", nil, 0, open)
	must(err)
	_, err = other.Create("/absent", nil, 0, open)
	must(err)
	seen := []string{}
	for _, channel := range []<-chan zk.Event{data, children, exists} {
		event := <-channel
		seen = append(seen, event.Type.String()+" "+event.Path)
	}
	saw("events", seen)
}

func ephemerals(conn, other *zk.Conn) {
	path, err := conn.CreateProtectedEphemeralSequential("/seq-", nil, open)
	must(err)
	saw("sequence", path[len(path)-10:])
	_, stat, err := other.Exists(path)
	must(err)
	if stat.EphemeralOwner != conn.SessionID() {
		panic("another owner")
	}
	third, _ := connect()
	_, err = third.Create("/gone", nil, zk.FlagEphemeral, open)
	must(err)
	_, _, gone, err := other.ExistsW("/gone")
	must(err)
	third.Close()
	saw("gone", (<-gone).Type)
	first, second := zk.NewLock(conn, "/lock", open), zk.NewLock(other, "/lock", open)
	must(first.Lock())
	locked := make(chan error)
	go func() { locked <- second.Lock() }()
	select {
	case <-locked:
		panic("two have the lock")
	case <-time.After(200 * time.Millisecond):
	}
	must(first.Unlock())
	must(<-locked)
	must(second.Unlock())
}

func transaction(conn *zk.Conn) {
	results, err := conn.Multi(
		&zk.CreateRequest{Path: "/multi", Data: []byte("m"), Acl: open},
		&zk.CheckVersionRequest{Path: "/multi", Version: 0},
		&zk.SetDataRequest{Path: "/multi", Data: []byte("n"), Version: 0},
	)
	must(err)
	saw("multi", fmt.Sprint(results[0].String, results[2].Stat.Version))
	results, err = conn.Multi(
		&zk.CreateRequest{Path: "/multi/x", Acl: open},
		&zk.DeleteRequest{Path: "/multi", Version: 9},
	)
	saw("multi_errors", fmt.Sprint(err, results))
	must(conn.AddAuth("digest", []byte("ann:secret")))
	_, err = conn.Create("/private", []byte("s"), 0, zk.DigestACL(zk.PermAll, "ann", "secret"))
	must(err)
}

func restart(conn, other *zk.Conn) {
	before := conn.SessionID()
	_, err := conn.Create("/survivor", nil, zk.FlagEphemeral, open)
	must(err)
	_, _, changed, err := conn.GetW("/watched")
	must(err)
	ask("restart")
	until("both to be back", func() bool { return conn.State() == zk.StateHasSession && other.State() == zk.StateHasSession })
	until("a read", func() bool { _, _, err := conn.Get("/survivor"); return err == nil })
	if conn.SessionID() != before {
		panic("another session")
	}
	until("a write", func() bool { _, err := other.Set("/watched", []byte("after"), -1); return err == nil })
	select {
	case event := <-changed:
		saw("watch_after_restart", event.Type)
	case <-time.After(10 * time.Second):
		panic("the watch was lost with the server")
	}
	_, _, err = conn.Get("/private")
	must(err) // the client gave its credentials again
}

func expiry(conn *zk.Conn, events <-chan zk.Event) {
	before := conn.SessionID()
	expired := make(chan bool, 1)
	go func() {
		for event := range events {
			if event.State == zk.StateExpired {
				expired <- true
			}
		}
	}()
	_, err := conn.Create("/mortal", nil, zk.FlagEphemeral, open)
	must(err)
	ask("expire")
	select {
	case <-expired:
	case <-time.After(30 * time.Second):
		panic("not told that the session expired")
	}
	until("a new session", func() bool { return conn.State() == zk.StateHasSession && conn.SessionID() != before })
	until("a read", func() bool { there, _, err := conn.Exists("/mortal"); return err == nil && !there })
}

func main() {
	conn, events := connect()
	other, _ := connect()
	step("connect", func() { saw("session", conn.SessionID() != 0) })
	step("crud", func() { crud(conn) })
	step("watch", func() { watch(conn, other) })
	step("ephemeral_and_sequence", func() { ephemerals(conn, other) })
	step("transaction", func() { transaction(conn) })
	step("restart_keeps_session", func() { restart(conn, other) })
	step("session_expiry", func() { expiry(conn, events) })
}

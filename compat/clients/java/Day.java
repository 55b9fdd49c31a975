import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.framework.recipes.queue.DistributedQueue;
import org.apache.curator.framework.recipes.queue.QueueBuilder;
import org.apache.curator.framework.recipes.queue.QueueConsumer;
import org.apache.curator.framework.recipes.queue.QueueSerializer;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.RetryForever;
import org.apache.curator.retry.RetryNTimes;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.data.Stat;

/** One day of a Curator user. The lines it speaks are told at the head of ../run.py. */
public final class Day {
    private interface Step {
        void run() throws Exception;
    }

    private interface Condition {
        boolean holds() throws Exception;
    }

    private static final BufferedReader INPUT = new BufferedReader(new InputStreamReader(System.in));
    private static String hosts;
    private static CuratorFramework client;
    private static CuratorFramework other;
    private static PersistentNode persistent;
    private static CuratorCache cache;
    private static final List<ConnectionState> states = Collections.synchronizedList(new ArrayList<>());

    private static void saw(String name, Object value) {
        System.out.println("saw " + name + " " + value);
    }

    private static void ask(String what) throws Exception {
        System.out.println("do " + what);
        check("done".equals(INPUT.readLine()), "the runner could not " + what);
    }

    private static void check(boolean holds, String what) {
        if (!holds) {
            throw new IllegalStateException(what);
        }
    }

    private static void step(String name, Step step) {
        try {
            step.run();
            System.out.println("ok " + name);
        } catch (Throwable error) {
            System.out.println("not ok " + name + " " + error.toString().replace('\n', ' '));
        }
    }

    private static void until(String what, Condition condition) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (true) {
            try {
                if (condition.holds()) {
                    return;
                }
            } catch (KeeperException error) {
                check(System.nanoTime() < deadline, what + ": " + error);
            }
            check(System.nanoTime() < deadline, "waited 30 s for " + what);
            Thread.sleep(20);
        }
    }

    private static void raises(Class<?> kind, Step step) throws Exception {
        try {
            step.run();
        } catch (Exception error) {
            check(kind.isInstance(error), "wanted " + kind.getSimpleName() + ", got " + error);
            return;
        }
        check(false, "no " + kind.getSimpleName());
    }

    private static CuratorFramework connect() throws Exception {
        CuratorFramework made = CuratorFrameworkFactory.newClient(hosts, 4000, 4000, new RetryNTimes(10, 300));
        made.start();
        check(made.blockUntilConnected(20, TimeUnit.SECONDS), "not connected after 20 s");
        return made;
    }

    private static long session() throws Exception {
        return client.getZookeeperClient().getZooKeeper().getSessionId();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static void crud() throws Exception {
        saw("created", client.create().forPath("/day", bytes("one")));
        raises(KeeperException.NodeExistsException.class, () -> client.create().forPath("/day"));
        Stat stat = new Stat();
        saw("data", new String(client.getData().storingStatIn(stat).forPath("/day")) + " " + stat.getVersion() + " " + stat.getNumChildren());
        client.setData().withVersion(0).forPath("/day", bytes("two"));
        raises(KeeperException.BadVersionException.class, () -> client.setData().withVersion(0).forPath("/day", bytes("x")));
        client.create().creatingParentsIfNeeded().forPath("/day/a/b");
        raises(KeeperException.NotEmptyException.class, () -> client.delete().forPath("/day"));
        saw("children", client.getChildren().forPath("/day"));
        saw("total", client.getZookeeperClient().getZooKeeper().getAllChildrenNumber("/day"));
        client.create().orSetData().forPath("/day", bytes("four"));
        client.delete().deletingChildrenIfNeeded().forPath("/day");
        raises(KeeperException.NoNodeException.class, () -> client.getData().forPath("/day"));
    }

    private static void watch() throws Exception {
        BlockingQueue<String> seen = new LinkedBlockingQueue<>();
        client.create().forPath("/watched");
        client.getData().usingWatcher((org.apache.curator.framework.api.CuratorWatcher) e -> seen.add(text(e))).forPath("/watched");
        client.watchers().add().withMode(AddWatchMode.PERSISTENT_RECURSIVE)
            .usingWatcher((org.apache.curator.framework.api.CuratorWatcher) e -> seen.add("recursive " + text(e))).forPath("/watched");
        other.setData().forPath("/watched", bytes("1"));
        other.create().forPath("/watched/a");
        other.delete().forPath("/watched/a");
        List<String> events = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            events.add(seen.poll(10, TimeUnit.SECONDS));
        }
        Collections.sort(events);
        saw("events", events);
        client.watchers().removeAll().forPath("/watched");
        client.getConfig().forEnsemble();
    }

    private static String text(WatchedEvent event) {
        return event.getType() + " " + event.getPath();
    }

    private static void ephemerals() throws Exception {
        String path = client.create().withProtection().withMode(CreateMode.EPHEMERAL_SEQUENTIAL).forPath("/seq-");
        saw("sequence", path.substring(path.length() - 10));
        check(other.checkExists().forPath(path).getEphemeralOwner() == session(), "another owner");
        saw("ephemerals", client.getZookeeperClient().getZooKeeper().getEphemerals().size());
        CuratorFramework third = connect();
        third.create().withMode(CreateMode.EPHEMERAL).forPath("/gone");
        CountDownLatch gone = new CountDownLatch(1);
        other.checkExists().usingWatcher((org.apache.curator.framework.api.CuratorWatcher) e -> gone.countDown()).forPath("/gone");
        third.close();
        check(gone.await(5, TimeUnit.SECONDS), "an ephemeral outlived its closed session");
    }

    private static void transaction() throws Exception {
        saw("multi", client.transaction().forOperations(
            client.transactionOp().create().forPath("/multi", bytes("m")),
            client.transactionOp().check().withVersion(0).forPath("/multi"),
            client.transactionOp().setData().forPath("/multi", bytes("n"))).stream().map(r -> r.getType() + " " + r.getError()).toList());
        try {
            client.transaction().forOperations(
                client.transactionOp().create().forPath("/multi/x"),
                client.transactionOp().delete().withVersion(9).forPath("/multi"),
                client.transactionOp().create().forPath("/multi/y"));
            check(false, "a transaction with a wrong version passed");
        } catch (KeeperException error) {
            saw("multi_errors", error.code() + " " + error.getResults());
        }
        check(client.checkExists().forPath("/multi/x") == null, "half a transaction");
    }

    private static void latch() throws Exception {
        LeaderLatch first = new LeaderLatch(client, "/latch", "first");
        first.start();
        check(first.await(10, TimeUnit.SECONDS), "the first does not lead");
        LeaderLatch second = new LeaderLatch(other, "/latch", "second");
        second.start();
        check(!second.await(300, TimeUnit.MILLISECONDS), "two lead");
        saw("leader", second.getLeader().getId());
        first.close();
        check(second.await(10, TimeUnit.SECONDS), "the second does not take over");
        second.close();
    }

    private static void mutex() throws Exception {
        InterProcessMutex first = new InterProcessMutex(client, "/mutex");
        InterProcessMutex second = new InterProcessMutex(other, "/mutex");
        check(first.acquire(5, TimeUnit.SECONDS), "not acquired");
        check(!second.acquire(300, TimeUnit.MILLISECONDS), "acquired twice");
        first.release();
        check(second.acquire(5, TimeUnit.SECONDS), "not acquired after the release");
        second.release();
    }

    private static void curatorCache() throws Exception {
        client.create().forPath("/tree", bytes("0"));
        cache = CuratorCache.build(client, "/tree");
        cache.start();
        other.create().creatingParentsIfNeeded().forPath("/tree/a/b", bytes("deep"));
        until("the cache", () -> cache.get("/tree/a/b").isPresent());
        saw("cached", cache.size());
    }

    private static void queue() throws Exception {
        BlockingQueue<String> taken = new LinkedBlockingQueue<>();
        QueueConsumer<String> consumer = new QueueConsumer<>() {
            @Override
            public void consumeMessage(String message) {
                taken.add(message);
            }

            @Override
            public void stateChanged(CuratorFramework framework, ConnectionState state) { }
        };
        QueueSerializer<String> serializer = new QueueSerializer<>() {
            @Override
            public byte[] serialize(String item) {
                return bytes(item);
            }

            @Override
            public String deserialize(byte[] data) {
                return new String(data, StandardCharsets.UTF_8);
            }
        };
        try (DistributedQueue<String> queue = QueueBuilder.builder(client, consumer, serializer, "/queue").buildQueue()) {
            queue.start();
            queue.put("a");
            queue.put("b");
            saw("queue", taken.poll(10, TimeUnit.SECONDS) + taken.poll(10, TimeUnit.SECONDS));
        }
    }

    private static void persistentNode() throws Exception {
        persistent = new PersistentNode(client, CreateMode.EPHEMERAL, false, "/persistent", bytes("here"));
        persistent.start();
        check(persistent.waitForInitialCreate(10, TimeUnit.SECONDS), "not created");
        other.delete().forPath("/persistent");
        until("the node to be made again", () -> other.checkExists().forPath("/persistent") != null);
    }

    private static void containers() throws Exception {
        client.create().withMode(CreateMode.CONTAINER).forPath("/container");
        client.createContainers("/containers/deep");
        saw("container_owner", client.checkExists().forPath("/container").getEphemeralOwner());
    }

    private static void counter() throws Exception {
        DistributedAtomicLong first = new DistributedAtomicLong(client, "/counter", new RetryNTimes(5, 10));
        DistributedAtomicLong second = new DistributedAtomicLong(other, "/counter", new RetryNTimes(5, 10));
        check(first.add(40L).succeeded() && second.add(2L).succeeded(), "not added");
        saw("counter", first.get().postValue());
    }

    private static void restart() throws Exception {
        long before = session();
        client.create().withMode(CreateMode.EPHEMERAL).forPath("/survivor");
        ask("restart");
        until("a read", () -> client.checkExists().forPath("/survivor").getEphemeralOwner() == before);
        check(session() == before, "another session");
        until("a write", () -> other.setData().forPath("/tree/a/b", bytes("after")) != null);
        until("the cache after the restart", () -> new String(cache.get("/tree/a/b").get().getData()).equals("after"));
    }

    private static void expiry() throws Exception {
        long before = session();
        ask("expire");
        until("a read", () -> client.checkExists().forPath("/survivor") == null);
        check(session() != before, "the same session");
        until("LOST, then RECONNECTED", () -> states.contains(ConnectionState.LOST) && states.get(states.size() - 1) == ConnectionState.RECONNECTED);
        saw("states", states);
        until("the persistent node", () -> client.checkExists().forPath("/persistent") != null
            && client.checkExists().forPath("/persistent").getEphemeralOwner() == session());
        until("a write", () -> other.setData().forPath("/tree/a/b", bytes("reborn")) != null);
        until("the cache after the expiry", () -> new String(cache.get("/tree/a/b").get().getData()).equals("reborn"));
    }

    public static void main(String[] arguments) throws Exception {
        hosts = arguments[0];
        client = connect();
        other = connect();
        client.getConnectionStateListenable().addListener((framework, state) -> states.add(state));
        step("connect", () -> saw("timeout_ms", client.getZookeeperClient().getZooKeeper().getSessionTimeout()));
        step("crud", Day::crud);
        step("watch", Day::watch);
        step("ephemeral_and_sequence", Day::ephemerals);
        step("transaction", Day::transaction);
        step("leader_latch", Day::latch);
        step("mutex", Day::mutex);
        step("cache", Day::curatorCache);
        step("queue", Day::queue);
        step("persistent_node", Day::persistentNode);
        step("containers", Day::containers);
        step("counter", Day::counter);
        step("restart_keeps_session", Day::restart);
        step("session_expiry", Day::expiry);
        System.exit(0);
    }
}

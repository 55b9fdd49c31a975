<?php
// One of several workers of which exactly one leads.
//
//     php worker.php HOSTS [SESSION_TIMEOUT_SECONDS]      run it in several terminals, then stop the leader
//
// Each worker creates an ephemeral, sequential znode under /cluster. The lowest number leads. Every other worker watches only the
// one just before it, so a worker that goes away wakes one neighbour and not the whole herd. A worker that dies without a word
// keeps its znode until its session has timed out.

const CLUSTER = '/cluster';
const TURN_SECONDS = 2.0;

if ($argc !== 2 && $argc !== 3) {
    fwrite(STDERR, "usage: php worker.php HOSTS [SESSION_TIMEOUT_SECONDS]\n");
    exit(2);
}

/** A place in the queue for the lead. */
class Worker
{
    private string $name;
    private bool $leads = false;

    public function __construct(private Zookeeper $zk)
    {
        try {
            $zk->create(CLUSTER, null);
        } catch (ZookeeperException $e) {
            if ($e->getCode() !== Zookeeper::NODEEXISTS) {
                throw $e;
            }
        }
        $this->name = basename($zk->create(CLUSTER . '/w-', null, null, Zookeeper::EPHEMERAL | Zookeeper::SEQUENCE));
        echo "I am $this->name\n";
        $this->takePlace('nobody is before me: I lead');
    }

    /** Leads, or watches the worker just before. */
    private function takePlace(string $whenFirst): void
    {
        while (true) {
            $names = $this->zk->getChildren(CLUSTER);
            sort($names);
            $place = array_search($this->name, $names, true);
            if ($place === 0) {
                $this->leads = true;
                echo "$whenFirst\n";
                return;
            }
            $before = $names[$place - 1];
            try {
                $this->zk->get(CLUSTER . "/$before", $this->wake(...));
            } catch (ZookeeperNoNodeException $e) {
                continue; // It went away between the list and the look: look again.
            }
            echo "watching $before\n";
            return;
        }
    }

    private function wake(int $type, int $state, string $path): void
    {
        echo 'woken: ', basename($path), $type === Zookeeper::DELETED_EVENT ? ' is deleted' : ' has changed', "\n";
        $this->takePlace('now I lead');
    }

    /** Works for a while, or until the worker before goes away. */
    public function turn(): void
    {
        echo $this->leads ? "leading\n" : "working\n";
        zookeeper_wait(TURN_SECONDS);
    }
}

try {
    $worker = new Worker(new Zookeeper($argv[1], null, (int) (1000 * (float) ($argv[2] ?? 10))));
    while (true) {
        $worker->turn();
    }
} catch (ZookeeperSessionException $e) {
    fwrite(STDERR, "my session is over, and my place with it\n");
    exit(1);
}

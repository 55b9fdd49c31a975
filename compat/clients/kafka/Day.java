import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;

/** One day of a Kafka broker that keeps its metadata in ZooKeeper. The lines it speaks are told at the head of ../run.py. */
public final class Day {
    private static final BufferedReader INPUT = new BufferedReader(new InputStreamReader(System.in));
    private static int port;

    private static Properties properties(String group) {
        Properties made = new Properties();
        made.put("bootstrap.servers", "127.0.0.1:" + port);
        for (String side : List.of("key", "value")) {
            made.put(side + ".serializer", "org.apache.kafka.common.serialization.StringSerializer");
            made.put(side + ".deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
        }
        made.put("group.id", group);
        made.put("auto.offset.reset", "earliest");
        return made;
    }

    /** A topic is made, grown, written to, read from and deleted. */
    private static void trip(String topic) throws Exception {
        Properties given = properties(topic);
        try (Admin admin = Admin.create(given)) {
            admin.createTopics(List.of(new NewTopic(topic, 3, (short) 1))).all().get();
            admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(5))).all().get();
        }
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(given)) {
            for (int i = 0; i < 1000; i++) {
                producer.send(new ProducerRecord<>(topic, "k" + i, "v" + i));
            }
        }
        int count = 0;
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(given)) {
            consumer.subscribe(List.of(topic));
            long deadline = System.nanoTime() + Duration.ofSeconds(40).toNanos();
            while (count < 1000 && System.nanoTime() < deadline) {
                count += consumer.poll(Duration.ofMillis(500)).count();
            }
        }
        System.out.println("saw " + topic + " " + count);
        if (count != 1000) {
            throw new IllegalStateException(count + " of 1000 messages came back");
        }
        try (Admin admin = Admin.create(given)) {
            admin.deleteTopics(List.of(topic)).all().get();
        }
    }

    private static Process broker(String hosts, Path folder) throws Exception {
        try (ServerSocket probe = new ServerSocket(0)) {
            port = probe.getLocalPort();
        }
        Files.writeString(folder.resolve("server.properties"), String.join("\n", "broker.id=0", "listeners=PLAINTEXT://127.0.0.1:" + port,
            "log.dirs=" + folder.resolve("logs"), "zookeeper.connect=" + hosts + "/kafka", "zookeeper.session.timeout.ms=6000",
            "offsets.topic.replication.factor=1", "offsets.topic.num.partitions=3", "transaction.state.log.replication.factor=1"));
        File log = folder.resolve("broker.log").toFile();
        Process made = new ProcessBuilder("java", "-Xmx512m", "-cp", System.getProperty("java.class.path"), "kafka.Kafka",
            folder.resolve("server.properties").toString()).redirectErrorStream(true).redirectOutput(log).start();
        Runtime.getRuntime().addShutdownHook(new Thread(made::destroyForcibly));
        return made;
    }

    private static void step(String name, String argument) {
        try {
            if (argument != null) {
                System.out.println("do " + argument);
                INPUT.readLine();
            }
            trip(name);
            System.out.println("ok " + name);
        } catch (Exception error) {
            System.out.println("not ok " + name + " " + error);
        }
    }

    public static void main(String[] arguments) throws Exception {
        Process broker = broker(arguments[0], Files.createTempDirectory("kafka-day"));
        step("topic", null);
        step("topic_after_restart", "restart");
        System.out.println((broker.isAlive() ? "ok" : "not ok") + " broker_lives");
        System.exit(0);
    }
}

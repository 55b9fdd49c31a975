--TEST--
TLS: servers and clients show their certificates, and who shows a wrong one is refused with a reason
--EXTENSIONS--
zookeeper
openssl
pcntl
posix
session
--SKIPIF--
<?php require __DIR__ . '/skip.inc'; ?>
--INI--
session.gc_probability=0
--FILE--
<?php
require __DIR__ . '/session.inc';
ob_start();
$folder = sys_get_temp_dir() . '/zoa-tls-' . getmypid();
mkdir($folder);
$pid = getmypid();
file_put_contents("$folder/cnf", "[req]\ndistinguished_name=dn\n[dn]\n[ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n"
    . "[here]\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n[there]\nsubjectAltName=DNS:there.example\n[client]\nextendedKeyUsage=clientAuth\n");
function certify(string $name, string $section, ?array $by = null): array
{
    global $folder;
    $options = ['config' => "$folder/cnf", 'x509_extensions' => $section, 'private_key_bits' => 2048, 'digest_alg' => 'sha256'];
    $key = openssl_pkey_new($options);
    $csr = openssl_csr_new(['commonName' => $name], $key, $options);
    $certificate = openssl_csr_sign($csr, $by[0] ?? null, $by[1] ?? $key, 2, $options, random_int(1, 1 << 30));
    openssl_x509_export_to_file($certificate, "$folder/$name.pem");
    openssl_pkey_export_to_file($key, "$folder/$name.key", null, $options);
    return [$certificate, $key];
}
$authority = certify('authority', 'ca');
certify('stranger', 'ca');
certify('here', 'here', $authority);
certify('there', 'there', $authority);
certify('client', 'client', $authority);

/** A server's port for TLS, as far as this test can tell: it takes TLS off, and goes on to the server. */
function tls_port(string $certificate): string
{
    global $folder;
    $context = stream_context_create(['ssl' => ['local_cert' => "$folder/$certificate.pem", 'local_pk' => "$folder/$certificate.key",
        'verify_peer' => true, 'verify_peer_name' => false, 'cafile' => "$folder/authority.pem"]]);
    $listener = stream_socket_server('tcp://127.0.0.1:0', $code, $message, STREAM_SERVER_BIND | STREAM_SERVER_LISTEN, $context);
    $parent = getmypid();
    if (($pid = pcntl_fork()) === 0) {
        $peers = [];
        while (true) {
            $readable = array_merge([$listener], array_column($peers, 0));
            $none = [];
            stream_select($readable, $none, $none, null);
            foreach ($readable as $stream) {
                if ($stream === $listener) {
                    $client = stream_socket_accept($listener);
                    if (@stream_socket_enable_crypto($client, true, STREAM_CRYPTO_METHOD_TLS_SERVER)) {
                        stream_set_blocking($client, false);
                        $server = stream_socket_client('tcp://' . server());
                        $peers += [(int) $client => [$client, $server], (int) $server => [$server, $client]];
                    }
                } elseif (isset($peers[(int) $stream])) {
                    $other = $peers[(int) $stream][1];
                    fwrite($other, (string) fread($stream, 65536));
                    if (feof($stream)) {
                        unset($peers[(int) $stream], $peers[(int) $other]);
                        fclose($other);
                        fclose($stream);
                    }
                }
            }
        }
    }
    register_shutdown_function(fn() => register_shutdown_function(fn() => getmypid() === $parent && posix_kill($pid, SIGKILL)));
    $address = stream_socket_get_name($listener, false);
    fclose($listener);
    return $address;
}
class Logger {
    public $lines = [];
    function log($level, $message) { $this->lines[] = preg_replace('/.*?: TLS failed: /', '', $message); }
}
function attempt(string $what, string $address, array $settings): void
{
    foreach ($settings + ['tls_ca' => '', 'tls_cert' => '', 'tls_key' => '', 'tls_verify_name' => '1'] as $name => $value) {
        ini_set("zookeeper.$name", $value);
    }
    $logger = new Logger;
    $zk = new ZookeeperClient;
    $zk->setLogger($logger);
    try {
        $zk->connect($address, null, 2000);
        $root = $zk->exists('/') !== false;
        echo "$what: ", $root ? "served\n" : "wrong\n";
    } catch (ZookeeperConnectionException $e) {
        for ($i = 0; $i < 100 && !$logger->lines; $i++) {
            usleep(1000);
        }
        echo "$what: ", $e->getCode(), ' ', str_replace($GLOBALS['folder'], '', $e->getCode() === 5999 ? $e->getMessage() : ($logger->lines[0] ?? '')), "\n";
    }
}
[$here, $there] = [tls_port('here'), tls_port('there')];
$mine = ['tls_ca' => "$folder/authority.pem", 'tls_cert' => "$folder/client.pem", 'tls_key' => "$folder/client.key"];
attempt('all right', $here, $mine);
attempt('by name', str_replace('127.0.0.1', 'localhost', $here), $mine);
attempt('another name', $there, $mine);
attempt('any name', $there, $mine + ['tls_verify_name' => '0']);
attempt('strangers', $here, ['tls_ca' => "$folder/stranger.pem"] + $mine);
attempt('a port without TLS', server(), $mine);
attempt('no file', $here, ['tls_ca' => "$folder/none.pem"]);
attempt('no certificate', $here, ['tls_ca' => "$folder/here.key"]);
attempt('half an identity', $here, ['tls_cert' => "$folder/client.pem"]);
attempt('no authority', $here, ['tls_ca' => ''] + $mine);
// Sessions, too.
attempt('all right', $here, $mine);
$path = own(new Zookeeper($here));
ini_set('session.save_handler', 'zookeeper');
ini_set('session.save_path', $here . $path);
ini_set('session.use_cookies', '0');
ini_set('session.cache_limiter', '');
session_id('tls');
session_start();
$_SESSION['n'] = 1;
session_write_close();
var_dump((new Zookeeper("$here$path"))->get('/php-sessid/tls'));
foreach (['ca', 'cert', 'key'] as $name) {
    ini_set("zookeeper.tls_$name", '');
}
register_shutdown_function(function () use ($folder, $pid) {
    if (getmypid() === $pid) {
        array_map('unlink', glob("$folder/*"));
        rmdir($folder);
    }
});
?>
--EXPECT--
all right: served
by name: served
another name: -4 the server's certificate is not for the name in the connect string
any name: served
strangers: -4 the server's certificate is not signed by an authority that this client trusts
a port without TLS: -4 the port does not speak TLS; servers have another port for it, secureClientPort
no file: 5999 cannot read /none.pem: No such file or directory (os error 2)
no certificate: 5999 /here.key holds no certificate in PEM form; those of a Java key store are taken out with keytool -exportcert -rfc
half an identity: 5999 zookeeper.tls_cert and zookeeper.tls_key must be set together
no authority: 5999 zookeeper.tls_cert without zookeeper.tls_ca: name the authority of the servers' certificates
all right: served
string(6) "n|i:1;"

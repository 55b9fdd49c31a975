--TEST--
Classes, methods, parameters and defaults, as reflection shows them; no types anywhere
--EXTENSIONS--
zookeeper
--FILE--
<?php
function show(ReflectionFunctionAbstract $function): string {
    $params = array_map(function (ReflectionParameter $p) {
        return ($p->hasType() ? $p->getType() . ' ' : '') . ($p->isPassedByReference() ? '&' : '') . '$' . $p->getName()
            . ($p->isDefaultValueAvailable() ? ' = ' . var_export($p->getDefaultValue(), true) : '');
    }, $function->getParameters());
    return $function->getName() . '(' . implode(', ', $params) . ')' . ($function->hasReturnType() ? ': typed' : '');
}
foreach (['Zookeeper', 'ZookeeperConfig'] as $name) {
    $class = new ReflectionClass($name);
    echo $name, $class->isFinal() ? ' final' : '', "\n";
    foreach ($class->getMethods() as $method) {
        echo '  ', $method->isStatic() ? 'static ' : '', show($method), "\n";
    }
}
echo show(new ReflectionFunction('zookeeper_dispatch')), "\n";
foreach ((new ReflectionExtension('zookeeper'))->getClasses() as $class) {
    if ($class->isSubclassOf('Exception')) {
        echo $class->getName(), ' extends ', $class->getParentClass()->getName(), "\n";
    }
}
?>
--EXPECT--
Zookeeper
  __construct($host = '', $watcher_cb = NULL, $recv_timeout = 10000)
  connect($host, $watcher_cb = NULL, $recv_timeout = 10000)
  close()
  create($path, $value = NULL, $acl = NULL, $flags = 0)
  delete($path, $version = -1)
  get($path, $watcher_cb = NULL, &$stat = NULL, $max_size = 0)
  getChildren($path, $watcher_cb = NULL)
  exists($path, $watcher_cb = NULL)
  set($path, $value = NULL, $version = -1, &$stat = NULL)
  getAcl($path)
  setAcl($path, $version, $acl)
  getClientId()
  getState()
  getRecvTimeout()
  isRecoverable()
  static setDebugLevel($level)
  static setDeterministicConnOrder($trueOrFalse)
  addAuth($scheme, $cert, $completion_cb = NULL)
  setWatcher($watcher_cb)
  setLogStream($stream)
  getConfig()
  static dispatch()
ZookeeperConfig
  get($watcher_cb = NULL, &$stat = NULL)
  add($members, $version = -1, &$stat = NULL)
  remove($id_list, $version = -1, &$stat = NULL)
  set($members, $version = -1, &$stat = NULL)
zookeeper_dispatch()
ZookeeperException extends Exception
ZookeeperOperationTimeoutException extends ZookeeperException
ZookeeperConnectionException extends ZookeeperException
ZookeeperMarshallingException extends ZookeeperException
ZookeeperAuthenticationException extends ZookeeperException
ZookeeperSessionException extends ZookeeperException
ZookeeperNoNodeException extends ZookeeperException

--TEST--
The stubs say what reflection says
--EXTENSIONS--
zookeeper
--SKIPIF--
<?php
require __DIR__ . '/server.inc';
if (!is_file(in_repository('php/stubs/zookeeper.php'))) { die('skip the stubs are not beside the tests: name the repository with ZOA_ROOT'); }
?>
--FILE--
<?php
require __DIR__ . '/server.inc';
function signature(ReflectionFunctionAbstract $function): string
{
    $params = [];
    foreach ($function->getParameters() as $param) {
        $params[] = ($param->hasType() ? 'typed ' : '') . ($param->isPassedByReference() ? '&' : '') . $param->getName()
            . ($param->isDefaultValueAvailable() ? '=' . var_export($param->getDefaultValue(), true) : '');
    }
    $static = $function instanceof ReflectionMethod && $function->isStatic() ? 'static ' : '';
    return $static . $function->getShortName() . '(' . implode(', ', $params) . ')';
}

function show(ReflectionClass $class): array
{
    $lines = ['extends ' . ($class->getParentClass() ? preg_replace('/^Stub\\\\/', '', $class->getParentClass()->getName()) : 'nothing')];
    foreach ($class->getReflectionConstants() as $constant) {
        $lines[] = $constant->getName() . ' = ' . $constant->getValue();
    }
    foreach ($class->getMethods() as $method) {
        if (preg_replace('/^Stub\\\\/', '', $method->class) === $class->getShortName()) {
            $lines[] = signature($method);
        }
    }
    sort($lines);
    return $lines;
}

$code = file_get_contents(in_repository('php/stubs/zookeeper.php'));
$code = preg_replace('/^<\?php/', 'namespace Stub;', str_replace('extends Exception', 'extends \Exception', $code));
eval($code);
$extension = new ReflectionExtension('zookeeper');
$classes = $functions = 0;
foreach ($extension->getClasses() as $name => $class) {
    $stub = show(new ReflectionClass("Stub\\$name"));
    foreach (array_merge(array_diff(show($class), $stub), array_diff($stub, show($class))) as $line) {
        echo "$name: $line\n";
    }
    $classes++;
}
foreach ($extension->getFunctions() as $name => $function) {
    if (signature($function) !== signature(new ReflectionFunction("Stub\\$name"))) {
        echo signature($function), "\n";
    }
    $functions++;
}
$declared = array_filter(get_declared_classes(), fn($name) => str_starts_with($name, 'Stub\\'));
var_dump($classes === count($declared), $classes, $functions);
?>
--EXPECT--
bool(true)
int(11)
int(2)

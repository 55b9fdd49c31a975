"""What the programs in C have called, and with which codes it ended: counted by `every/cover.c`, judged here.

Not a trial itself. A function counts as covered when it was called and gave every code that the original's header documents for it,
but for those that no test can bring about, which are listed here with the reason.
"""

import re

CODES = {
    "ZOK": 0, "ZSYSTEMERROR": -1, "ZRUNTIMEINCONSISTENCY": -2, "ZCONNECTIONLOSS": -4, "ZMARSHALLINGERROR": -5, "ZUNIMPLEMENTED": -6,
    "ZOPERATIONTIMEOUT": -7, "ZBADARGUMENTS": -8, "ZINVALIDSTATE": -9, "ZNEWCONFIGNOQUORUM": -13, "ZRECONFIGINPROGRESS": -14,
    "ZNONODE": -101, "ZNOAUTH": -102, "ZBADVERSION": -103, "ZNOCHILDRENFOREPHEMERALS": -108, "ZNODEEXISTS": -110, "ZNOTEMPTY": -111,
    "ZSESSIONEXPIRED": -112, "ZINVALIDACL": -114, "ZAUTHFAILED": -115, "ZCLOSING": -116, "ZNOTHING": -117, "ZNOTREADONLY": -119,
    "ZNOWATCHER": -121, "ZRECONFIGDISABLED": -123, "ZSSLCONNECTIONERROR": -15,
}

# What the original's header names and neither library gives in any test, and why.
EXEMPT = [
    (r".*", "ZMARSHALLINGERROR", "memory has run out"),
    (r".*", "ZSYSTEMERROR", "the system has no more threads, descriptors or memory"),
    (r"zoo_set_servers", "ZINVALIDSTATE", "the library takes servers for a session that is over, too"),
    (r"zoo_.*reconfig", "ZRECONFIGINPROGRESS", "two at the same moment"),
    (r"zoo_async", "ZNOAUTH|ZNONODE", "servers ask neither for the znode nor for a permission"),
    (r"zoo_a?w?getconfig", "ZNOAUTH|ZNONODE", "everybody may read what is always there"),
    (r"zoo_agetconfig", "ZBADARGUMENTS", "without a handle the original crashes; safety.c looks at ours"),
    (r"zookeeper_close", "ZCONNECTIONLOSS|ZOPERATIONTIMEOUT", "the library gives ZOK when it cannot reach the server"),
    (r"zoo_state", ".*", "it returns a state; the codes are what a program may do about it"),
    (r"zookeeper_interest", "ZOPERATIONTIMEOUT", "zookeeper_process or the next attempt tells of it"),
    (r"zookeeper_process", "ZRUNTIMEINCONSISTENCY", "the server answers another request than was asked"),
]

# What the loop of a program on libzookeeper_st calls.
LOOP = {"zookeeper_interest", "zookeeper_process"}

# Exported by libzookeeper_mt for its own threads.
DRIVEN = {"mt": LOOP, "st": set()}


def documented(header):
    """The codes that each function's comment names."""
    found = {}
    text = header.read_text()
    for comment, declaration in re.findall(r"/\*\*((?:(?!\*/).)*)\*/\s*(?:#if[^\n]*\n)?\s*ZOOAPI\s+([^;(]*)\(", text, re.S):
        name = declaration.split()[-1].lstrip("*")
        found[name] = set(re.findall(r"^\s*\*\s*(Z[A-Z]+)\b", comment, re.M)) & set(CODES)
    return found


def is_exempt(function, code):
    return any(re.fullmatch(functions, function) and re.fullmatch(codes, code) for functions, codes, _ in EXEMPT)


class Coverage:
    """The codes of each function, by library."""

    def __init__(self):
        self.codes = {"mt": {}, "st": {}}

    def note(self, library, output):
        for line in re.findall(r"^covered (.*)$", output, re.M):
            name, *codes = line.split()
            self.codes[library].setdefault(name, set()).update(map(int, codes))

    def missing(self, library, exported, header, sources):
        """What was not covered, in words; `sources` is where constants are printed."""
        called, wanted = self.codes[library], documented(header)
        gaps = []
        for name in exported:
            is_constant = name == "logLevel" or (name.isupper() and name.startswith("ZOO"))
            if is_constant:
                if not re.search(rf"\b{name}\b", sources):
                    gaps.append(f"libzookeeper_{library}: nobody looks at {name}")
            elif name in DRIVEN[library]:
                continue
            elif name not in called and not (library == "st" and name in self.codes["mt"]):
                gaps.append(f"libzookeeper_{library}: nobody calls {name}")
            elif library == "mt" or name in LOOP:
                # Both look at the socket in ours: whichever is called first tells what has come.
                seen = set().union(*(called.get(other, set()) for other in LOOP)) if name in LOOP else called[name]
                for code in sorted(wanted.get(name, ())):
                    if CODES[code] not in seen and not is_exempt(name, code):
                        gaps.append(f"libzookeeper_{library}: {name} never ended with {code}, which is documented")
        return gaps

    def table(self):
        """Every function and the codes with which it ended."""
        words = {number: name for name, number in CODES.items()}
        every = {**self.codes["st"], **self.codes["mt"]}
        releases = [name for name in every if name.startswith(("allocate_", "deallocate_"))]
        lines = [
            f"    {name:34} {' '.join(words.get(code, str(code)) for code in sorted(codes, reverse=True)) or 'called'}"
            for name, codes in sorted(every.items()) if name not in releases
        ]
        lines.append(f"    and {len(releases)} that allocate and free structs, each with every field filled")
        return "\n".join(lines)


def structs(header):
    """Every struct of the jute header, with its fields: (type, name)."""
    text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
    found = {}
    for name, body in re.findall(r"struct (\w+) \{(.*?)\n\};", text, re.S):
        fields = [re.match(r"\s*(.*?)\s*(\w+)$", line.strip(), re.S) for line in body.split(";") if line.strip()]
        found[name] = [(re.sub(r"\s+", " ", field.group(1)).strip(), field.group(2)) for field in fields]
    return found


def fill(kind, place):
    """Statements that fill a field of this type."""
    if kind == "char *":
        return [f'{place} = strdup("text");']
    if kind == "struct buffer":
        return [f"{place}.buff = (char *)malloc(4);", f"{place}.len = 4;"]
    if kind.startswith("struct "):
        return [f"fill_{kind.split()[1]}(&{place});"]
    return [f"{place} = 1;"]


def jute_program(include):
    """A part of the program `every` that fills and frees every struct of the interface."""
    found = structs(include / "zookeeper.jute.h")
    lines = ["/* Every struct of the interface, filled and freed. Written by covered.py. */", '#include "every.h"', ""]
    lines += [f"static void fill_{name}(struct {name} *v);" for name in found]
    calls = []
    for name, fields in found.items():
        lines += ["", f"static void fill_{name}(struct {name} *v) {{", "    memset(v, 0, sizeof *v);"]
        if name.endswith("_vector"):
            element = fields[1][0].removesuffix("*").strip()
            lines += [f'    cover("allocate_{name}");', f"    if (allocate_{name}(v, 2) != 0) fail(\"{name}\");"]
            for at in (0, 1):
                lines += [f"    {line}" for line in fill(element, f"v->data[{at}]")]
        else:
            for kind, field in fields:
                lines += [f"    {line}" for line in fill(kind, f"v->{field}")]
        lines.append("}")
        calls += [
            "    {", f"        struct {name} v;", f"        fill_{name}(&v);", f'        cover("deallocate_{name}");',
            f"        deallocate_{name}(&v);", f'        say("{name} freed");', "    }",
        ]
    lines += ["", "void jute_all(void) {", *calls]
    lines += [
        '    char *text = strdup("text");', "    struct buffer bytes;", '    cover("deallocate_String");', "    deallocate_String(&text);",
        "    bytes.buff = (char *)malloc(4);", "    bytes.len = 4;", '    cover("deallocate_Buffer");', "    deallocate_Buffer(&bytes);",
        '    say("string and buffer freed");', "}", "",
    ]
    return "\n".join(lines)

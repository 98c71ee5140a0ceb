#!/usr/bin/env python3
"""Writes tests/data/chat/jinja.json: small templates of our own, and what Jinja2 makes of them.

    apt-get install python3-jinja2; /usr/bin/python3 tests/oracles/jinja_cases.py > tests/data/chat/jinja.json

Each expression is rendered with every value `v`, by its number. At the values in "errors", and where "text" is null, Jinja2 raises.
The environment is that of jinja_units.py: lists and dictionaries may change."""

import json

from jinja_units import jinja2_text

VALUES = [
    "none", "true", "0", "-7", "42", "3.75", "-2.5", "1e20", "''", "'a'", "'Hello wörld, It\\'s HELLO'", "'  x y  '", "'12'",
    "'a\\nb\\r\\nc\\n\\nd'", "'<b>&\"'", "'<b>'|safe", "'ａ٣²½'", "[]", "[3,1,2]", "['b','A','a']", "(1,2)", "{'b':1,'a':2,'C':0}",
    "[{'k':1,'n':'x'},{'k':2,'n':'y'},{'k':1,'n':'z'}]", "[[1,2],[3]]", "undef",
]

FILTERS = """abs|attr('upper')|batch(2)|batch(2,'-')|capitalize|center(9)|count|d('z')|default('z',true)|dictsort|dictsort(true)
dictsort(by='value')|dictsort(reverse=true)|e|filesizeformat|filesizeformat(true)|first|float|float(1.5)|forceescape
groupby('k')|format(1,2)|indent|indent(2,true)|indent('>>',blank=true)|int|int(5)|int(base=16)|items|join(', ')
join(',',attribute='n')|last|length|list|lower|map('upper')|map(attribute='k')|map(attribute='k',default=9)|map('int',default=3)
map('first')|max|min|max(attribute='k')|max(true)|reject|reject('odd')|reject('none')|rejectattr('k','eq',1)|replace('a','Z')
replace('l','LL',2)|replace('','-')|reverse|round|round(1)|round(-1)|round(1,'floor')|round(method='ceil')|round(method='up')
select|select('string')|select('in',[1,2])|selectattr('k')|selectattr('n','in',['x'])|slice(2)|slice(2,'q')|sort|sort(true)
sort(case_sensitive=true)|sort(attribute='n,k')|sort(attribute='k',reverse=true)|string|sum|sum(attribute='k')|sum(start=10)
title|tojson|tojson(indent=2)|tojson(sort_keys=true)|tojson(ensure_ascii=true)|tojson(separators=(',',':'))|trim|trim('ax')
truncate(5)|truncate(5,true)|truncate(4,false,'..',0)|unique|unique(true)|unique(attribute='k')|upper|urlencode|wordcount
xmlattr|select('==',1)|reject('!=',1)|select('>',1)|select('<=',2)"""

TESTS = """boolean|callable|defined|divisibleby 2|divisibleby(3)|escaped|even|odd|false|true|float|in [1,'a']|in 'abc'|integer
iterable|lower|upper|mapping|none|number|sameas none|sameas true|sequence|string|undefined|eq 1|ne 1|lt 2|le 42|gt 2|ge 42
equalto 1|lessthan 5|greaterthan 0|not none"""

METHODS = """capitalize()|casefold()|center(9)|center(9,'*')|count('l')|count('')|count('l',2,5)|endswith('O')|endswith(('a','O'))
find('l')|find('l',4)|find('z')|find('l',-5,-1)|index('l')|isalnum()|isalpha()|isascii()|isdecimal()|isdigit()|islower()|isnumeric()
isspace()|isupper()|join(['x','y'])|join('abc')|ljust(8)|ljust(8,'é')|lower()|lstrip()|lstrip('Ha ')|partition(' ')
partition('zz')|rpartition(' ')|removeprefix('He')|removesuffix('O')|replace('l','L')|replace('l','L',1)|replace('','-')
rfind('l')|rindex('l')|rjust(8)|rsplit()|rsplit(' ',1)|rsplit('l',1)|rstrip()|split()|split(' ')|split('l',1)|split(none,1)
split('')|splitlines()|splitlines(true)|startswith('He')|startswith(('x','a'))|startswith('l',2)|strip()|strip('aO ')|swapcase()
title()|upper()|upper(1)|zfill(8)|zfill(2)|append(5)|extend([1])|insert(0,9)|insert(-1,9)|insert(100,9)|pop()|pop(0)|pop(-1)
pop(9)|remove(3)|remove(99)|reverse()|clear()|copy()|get('a')|get('zz')|get('zz',5)|items()|keys()|values()|pop('a')|pop('zz')
pop('zz',1)|setdefault('a',9)|setdefault('n',9)|setdefault('n')|update({'x':1})|update(x=1)|update(1)|index(2)|index(99)
count(1)"""

OTHERS = """v[1:]|v[::-1]|v[0]|v[-1]|v['a']|v.a|-v|+v|not v|v ~ 1|v + v|v * 2|2 * v|v - 1|v / 2|v // 2|v % 4|v ** 2|v == v|v in [v]
1 in v|v < v|v <= v|v >= v|[v, v]|{'k': v}|(v,)|v if v|'%s;%r;%8s;%-4s.;%.2s' % (v, v, v, v, v)|'%c' % v
'%d %+05d %x %#o' % (v, v, 9, 9)|'%.2f %8.3e %G %g' % (v, v, v, v)|'%(b)s' % v|'{};{!r};{!s:>8};{:}'.format(v, v, v, v)
'{:*^12}'.format(v)|'{:08d}{:x}{:#b}'.format(v, v, v)|'{:+,.2f};{:e};{:%};{:G}'.format(v, v, v, v)|'{:.3}'.format(v ~ 1)
'{0[0]}{k.a}'.format(v, k=v)|'{:é<5d};{:^+7};{:_}'.format(v, v, v)"""
TEMPLATES = [
    "{% for x in 'abcd' %}{{ loop.cycle('o', 'e') }}{{ loop.changed(x in 'bc') }}{{ loop.index0 }}{{ loop.revindex }}"
    "{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.previtem }}{{ loop.nextitem }}"
    "{{ loop.depth }};{% endfor %}",
    "{% for x in [[1, [2, [3]]], [4]] recursive %}{% if x is number %}{{ x }}@{{ loop.depth0 }}{% else %}({{ loop(x) }}"
    "){% endif %}{% endfor %}",
    "{% for x in [1, 2, 3, 4] if x % 2 %}{{ x }}{{ loop.length }}{% else %}none{% endfor %}{% for x in [] %}a{% else %}"
    "none{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for x in range(9) %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 4 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in range(5, 0, -2) %}{{ x }}{% endfor %}{{ range(3)|list }}{{ range(2, 2)|list }}{{ range(3)[1] }}",
    "{% macro m(a, b=2, c=a) %}{{ a }}{{ b }}{{ c }}{{ varargs }}{{ kwargs }}{{ caller is defined }}{% endmacro %}{{ m(1) }}"
    "|{{ m(1, 3) }}|{{ m(b=1, a=0) }}|{{ m(1, 2, 3, 4, z=5) }}|{{ m.name }}{{ m.arguments }}{{ m.catch_kwargs }}"
    "{{ m.catch_varargs }}{{ m.caller }}",
    "{% macro m() %}[{{ caller(1) }}]{% endmacro %}{% call(x) m() %}{{ x + 1 }}{% endcall %}{{ m.caller }}{{ m.catch_kwargs }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m() }}|{{ m(*[1]) }}|{{ m(**{'a': 2}) }}",
    "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{% endmacro %}{{ m(1, a=2) }}",
    "{% macro m(a) %}{% endmacro %}{{ m(b=2) }}", "{{ dict(*[[1]]) }}", "{{ range(**3) }}",
    "{{ dict(a=1, **{'b': 2}) }}{{ dict([['x', 1]]) }}{{ dict({'p': 1}, q=2) }}", "{{ range(**{1: 2}) }}", "{{ dict([[1]]) }}",
    "{{ range(*3) }}",
    "{% set n = namespace(a=1, **{'b': 2}) %}{% for x in [1, 2] %}{% set n.a = n.a + x %}{% endfor %}{{ n.a }}{{ n.b }}{{ n.c }}",
    "{% set n = namespace({'a': 1}) %}{{ n.a }}{{ n['a'] }}", "{% set x = 1 %}{% set x.a = 2 %}",
    "{% set a, b = 1, 2 %}{{ b }}{{ a }}", "{% set a, b = [1] %}", "{% set a, b = [1, 2, 3] %}", "{% set a, b = 5 %}",
    "{% set x %}<{{ 1 }}>{% endset %}{{ x }}{{ x|length }}{{ x|upper }}", "{% set x | upper | trim %} ab {% endset %}[{{ x }}]",
    "{% filter upper | replace('A', 'b') %}xaA{{ 'a' }}{% endfilter %}",
    "{% with a = 1, b = a %}{{ a }}{{ b }}{% endwith %}{{ a }}",
    "{% set a = 0 %}{% with %}{% set a = 1 %}{{ a }}{% endwith %}{{ a }}",
    "{% if a %}1{% elif 0 %}2{% elif 'x' %}3{% else %}4{% endif %}{{ 1 if 0 }}{{ 1 if 0 else 2 }}{{ 'a' if 1 else x.y.z }}",
    "{% raw %}{{ a }}{% b %}{% endraw %}{# {{ c }} #}x", "  {%- if 1 %}\n  a\n {% endif -%}  \n b {{- 1 -}} c\n",
    " {%+ if 1 %}a{% endif +%}\n{# x -#}\n  b\n\n",
    "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.current }}{{ c.next() }}{{ c.next() }}{{ c.reset() }}{{ c.next() }}",
    "{{ cycler() }}", "{% set j = joiner('+') %}{% for x in [1, 2, 3] %}{{ j() }}{{ x }}{% endfor %}",
    "{% set j = joiner() %}{{ j() }}a{{ j() }}b", "{{ raise_exception('no') }}",
    "{{ strftime_now('%Y-%m-%d %H:%M:%S %j %A %B %y %%') }}", "{{ undef.a }}", "{{ undef + 1 }}", "{{ undef() }}",
    "{{ nothing|nofilter }}", "{{ 1 is notest }}", "{{ d.z.y }}{{ d.nope }}", "{{ d.nope.a }}", "{{ d['nope']['a'] }}",
    "{{ none.a }}", "{{ none.a.b }}",
    "{{ 'a' 'b' }}{{ 'a' ~ 1 ~ none }}{{ 0x1f }}{{ 0b11 }}{{ 0o17 }}{{ 1_000 }}{{ 1e3 }}{{ 1.5e-3 }}{{ 'é\\u00e9\\x41\\t\\\\' }}",
    "{{ 1 < 2 < 3 }}{{ 1 < 2 > 5 }}{{ 1 == 1.0 != 2 }}{{ not 1 == 2 }}{{ 2 ** 3 ** 2 }}{{ -2 ** 2 }}{{ 7 // 2 * 2 }}"
    "{{ 1 + 2 ~ 3 }}",
    "{{ 1 and 0 or 'x' }}{{ 0 and y.z.w }}{{ 1 or y.z.w }}{{ not undef }}{{ [] or {} }}{{ (1, 2) + (3,) }}{{ [1] + [2] }}"
    "{{ [1] * 3 }}{{ 2 * (1,) }}",
    "{{ [1, 2] < [1, 3] }}{{ (1, 2) < (1,) }}{{ [1] == [1.0] }}{{ {'a': [1]} == {'a': [1]} }}{{ {'a': 1} == {'b': 1} }}"
    "{{ [1] == (1,) }}{{ 'a' < 'b' }}",
    "{{ [1] < ['a'] }}", "{{ 1 < 'a' }}", "{{ {} < {} }}", "{{ none < none }}", "{{ 1 + 'a' }}", "{{ 'a' * 'b' }}", "{{ 1 % 0 }}",
    "{{ 5.5 % 2 }}{{ -5.5 % 2 }}{{ 4.0 % -2 }}{{ 5.5 // -2 }}",
    "{{ {none: 1, true: 2, 1.5: 3, (1, 2): 4, 'a': 5} }}{{ {(1, 2): 4}[(1, 2)] }}{{ {1: 2}|tojson }}"
    "{{ {none: 1, true: 2, 1.5: 3}|tojson }}",
    "{{ {(1, 2): 1}|tojson }}",
    "{{ 'a\"\\\\\\n\\x01é😀</'|tojson }}{{ 'a\"\\\\\\n\\x01é😀'|tojson(ensure_ascii=true) }}"
    "{{ [1.0, 1e20, 1e-7, none, true]|tojson }}",
    "{{ undef|tojson }}", "{{ range|tojson }}",
    "{{ [d, d]|map(attribute='a.1')|list }}{{ [d]|map(attribute='a.0')|list }}{{ [d]|sum(attribute='z') }}"
    "{{ [d]|map(attribute='q.r', default=7)|list }}",
    "{{ ['1', 'x']|map('int', default=3)|sum }}{{ [[1, 2], [3]]|sum(start=[]) }}", "{{ ['a']|sum(start='') }}",
    "{{ 'x'|int(7) }}{{ '0b11'|int(0, 2) }}{{ '7z'|int(1, 36) }}{{ ' -1_0 '|int }}{{ 3.9|int }}{{ '1e3'|int }}",
    "{{ 'x'|float }}{{ ' 1.5e2 '|float }}{{ '1_0'|float }}{{ true|float }}{{ 'x'|float(none) }}",
    "{{ 2.5|round }}{{ 3.5|round }}{{ -0.4|round }}{{ 1234.567|round(-2) }}{{ 1.005|round(2) }}{{ 1.55|round(1, 'ceil') }}",
    "{{ 'foo bar baz qux'|truncate(9) }}{{ 'foo bar baz qux'|truncate(9, true) }}"
    "{{ 'foo bar baz qux'|truncate(11, false, '', 0) }}{{ 'foobar'|truncate(3, false, '…', 0) }}",
    "{{ 'a b'|wordcount }}{{ \"it's x_y -- 3\"|wordcount }}{{ 'ab'|indent(3) }}{{ 'a\\n\\nb\\n'|indent(2, true, true) }}"
    "{{ 'a\\nb'|indent('- ', first=true) }}",
    "{{ 'x'|center(5)|length }}{{ 'abc'|center(2) }}{{ 'ab'|center(5) }}{{ 'abc'|first }}{{ 'abc'|last }}{{ []|first }}"
    "{{ []|last }}{{ []|max }}",
    "{{ '%s %s'|format('a', 1) }}{{ '%(x)s'|format(x=2) }}{{ '%5.1f%%'|format(3.14159) }}{{ '<%s>'|safe|format('<') }}",
    "{{ '%s'|format(1, x=2) }}", "{{ '%d'|format('a') }}", "{{ '%s %s' % 1 }}", "{{ '%q' % 1 }}", "{{ '%' % 1 }}",
    "{{ '{' .format(1) }}", "{{ '}'.format(1) }}", "{{ '{{{}}}'.format(1) }}", "{{ '{!}'.format(1) }}", "{{ '{!r'.format(1) }}",
    "{{ '{a}{b.c}{0[x]}{1[0]}'.format({'x': 1}, [2], a=3, b={'c': 4}) }}", "{{ '{2}'.format(1) }}", "{{ '{z}'.format(1) }}",
    "{{ '{!rs}'.format(1) }}", "{{ '{:d}'.format('a') }}", "{{ '{:s}'.format(1) }}", "{{ '{:5}'.format([1]) }}",
    "{{ '{:,d} {:,.1f} {:_} {:+} {: }'.format(1234567, 1234.5, 65536, 1, 1) }}",
    "{{ '<a>'|e }}{{ '<a>'|e|e }}{{ '<a>'|forceescape|forceescape }}{{ ('<b>'|safe) ~ '<c>' }}{{ ('<b>'|safe) + '<c>' }}"
    "{{ ['<', '>'|safe]|join('&') }}{{ '<'|safe|upper is escaped }}",
    "{{ {'b': 1, 'A': 2}|dictsort }}{{ {'b': 1, 'A': 2}|dictsort(true) }}{{ {'b': 1, 'A': 0}|dictsort(false, 'value') }}",
    "{{ {}|dictsort(by='x') }}", "{{ [1]|dictsort }}", "{{ undef|items|list }}{{ d|items|list }}",
    "{{ [3, 1]|sort|first }}{{ ['b', 'A']|sort }}{{ ['b', 'A']|sort(case_sensitive=true) }}"
    "{{ [d]|sort(attribute='a.0')|length }}{{ 'bca'|sort }}{{ [1, 'a']|sort }}",
    "{{ [3, 1, 3, 'A', 'a']|unique|list }}{{ [1, true, 1.0]|unique|list }}",
    "{{ [1, 2, 3, 4, 5]|batch(2)|list }}{{ [1, 2, 3, 4, 5]|batch(2, 0)|map('list')|list }}{{ [1, 2, 3, 4, 5]|slice(3)|list }}"
    "{{ [1, 2, 3, 4, 5]|slice(3, 'x')|list }}",
    "{{ [1]|slice(0)|list }}", "{{ (1, 2)|reverse|list }}{{ 'abc'|reverse }}{{ [1, 2]|reverse|reverse|list }}",
    "{{ [1, 2]|map('abs')|last }}", "{{ 5|reverse }}", "{% set g = [1, 2]|map('string') %}{{ g|list }}{{ g|list }}",
    "{{ [1, 2]|select('odd')|length }}", "{{ 5|length }}", "{{ undef|length }}", "{{ none|length }}",
    "{{ 5[0] }}|{{ none['a'] }}|{{ none[1:] }}|{{ 5[:1] }}|{{ d[1:] }}",
    "{{ 'abc'[5] }}|{{ [1][5] }}|{{ [1]['a'] }}|{{ 'abc'[-2:] }}{{ 'abc'[:-1] }}{{ 'abcdef'[1:5:2] }}{{ 'abc'['a'] }}",
    "{% for x in none[1:] %}{% else %}none{% endfor %}", "{{ none[1:][0] }}", "{% for x in 5 %}{% endfor %}",
    "{% for x in none %}{% endfor %}", "{% for a, b in [1] %}{% endfor %}", "{% for x in undef %}{% else %}e{% endfor %}",
    "{{ d.a[0] }}{{ d['a'][1] }}{{ d.a.0 }}",
    "{{ 'a.b'.split('.')[1]|upper }}{{ ('a' ~ 'b').upper() }}{{ [1].append(2) }}{{ {'keys': 1}['keys'] }}{{ {'keys': 1}.keys() }}",
    "{{ 'upper' is filter }}{{ 'nope' is filter }}{{ 'odd' is test }}{{ 5 is test }}", "{{ ()|length }}{{ (1,) }}",
    "{{ '{:%}|{:E}|{:.1%}'.format(0.5, 1.5, 0.123) }}", "{{ '1e-999'|float ~ '1e999'|float ~ '-1e999'|float }}",
    "{{ {'a': 1, 'b': {'c': none}}|items|list }}{{ {1: 'a', none: 'b', (1, 2): 'c'}.items() }}", "{{ 1 if }}", "{{ 1 + }}",
    "{{ (1 }}", "{{ [1 }}", "{{ {'a' 1} }}", "{{ a. }}", "{{ a|  }}", "{{ 'a }}", "{% if %}{% endif %}", "{% if 1 %}",
    "{% endif %}", "{% for x %}{% endfor %}", "{% for in y %}{% endfor %}", "{% nope %}", "{% set %}", "{% set 1 = 2 %}",
    "{% set true = 2 %}", "{% macro m(a=1, b) %}{% endmacro %}", "{{ m(a=1, 2) }}", "{{ m(**a, b) }}", "{{ m(*a, *b) }}",
    "{% break %}", "{{ }}", "{% %}", "{{ 1 2 }}", "{# a", "{{ a", "{{ 'a' if 1 else }}", "{{ not }}", "{{ 1 is }}", "{{ 0x }}",
    "{{ 'Straße ﬁ İ ς ẞ ǅ Ա'.casefold() }}", "{{ loop }}", "{{ a := 1 }}", "{{ a $ b }}", "{{ 1.e }}",
]
DATA = {"d": {"z": 1, "a": [1, "é"]}}


def expressions():
    yield from ("v|" + part for part in FILTERS.replace("\n", "|").split("|"))
    yield from ("v is " + part for part in TESTS.replace("\n", "|").split("|"))
    yield from ("[v." + part + ", v]" for part in METHODS.replace("\n", "|").split("|"))
    yield from ("[" + part + "]" for part in OTHERS.replace("\n", "|").split("|"))


def shown(expression):
    """Texts and numbers show themselves, all else is listed: the address of a generator says nothing."""
    return "{% set r = " + expression + " %}{{ r if r is string or r is number else r|list }}"


def main():
    cases = []
    for expression in expressions():
        case = {"expression": expression, "texts": {}, "errors": []}
        for i, value in enumerate(VALUES):
            text = jinja2_text("{% set v = " + value + " %}" + shown(expression), DATA)
            if text is None:
                case["errors"].append(i)
            elif " at 0x" not in text:
                case["texts"][i] = text
        cases.append(case)
    templates = [{"template": template, "text": jinja2_text(template, DATA)} for template in TEMPLATES]
    lines = lambda entries: ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
    print('{"data": %s,\n"values": %s,\n"expressions": [\n%s\n],\n"templates": [\n%s\n]}' % (
        json.dumps(DATA, ensure_ascii=False), json.dumps(VALUES, ensure_ascii=False), lines(cases), lines(templates)))


if __name__ == "__main__":
    main()

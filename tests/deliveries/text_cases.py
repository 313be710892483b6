"""Delimited text as it should not be: encodings, layouts, lines that are no rows."""

from __future__ import annotations

from deliveries import HEADERS, ORDERS, ROWS, Case, changed

GERMAN = "Kunde;Name;Ort\n1;Jürgen Müller;Köln\n2;Åsa Öberg;Malmö\n3;Größe & Söhne;„Straße“ 5 €\n"
GERMAN_HEADERS = ["Kunde", "Name", "Ort"]
GERMAN_ROWS = [(2, "1", "Jürgen Müller", "Köln"), (3, "2", "Åsa Öberg", "Malmö"), (4, "3", "Größe & Söhne", "„Straße“ 5 €")]  # fmt: skip
CHINESE = (
    "客户编号,客户名称,所在城市\n001,张三贸易有限公司,北京\n002,李四科技,上海市\n003,王小明,深圳\n"
)
CHINESE_HEADERS = ["客户编号", "客户名称", "所在城市"]
CHINESE_ROWS = [(2, "001", "张三贸易有限公司", "北京"), (3, "002", "李四科技", "上海市"), (4, "003", "王小明", "深圳")]  # fmt: skip
JAPANESE = "顧客番号,氏名,都市\n001,さくら商店,東京\n002,カタカナ工業,大阪\n"
JAPANESE_HEADERS = ["顧客番号", "氏名", "都市"]
JAPANESE_ROWS = [(2, "001", "さくら商店", "東京"), (3, "002", "カタカナ工業", "大阪")]
INFERRED = "no encoding was declared; every character fits"
FEW = "a,b\n1,x\n2,y\n"
FEW_ROWS = [(2, "1", "x"), (3, "2", "y")]
GUESSES = ("cp1252", "gb18030", "shift_jis", "cp1250", "cp1251", "mac-roman")


def german(encoding: str) -> bytes:
    return GERMAN.encode(encoding)


ENCODINGS = [
    Case("plain UTF-8", "a.csv", ORDERS.encode(), reading={"encoding": "utf-8", "delimiter": ",", "header_row": 1, "kind": "text"}),
    Case("UTF-8 with a byte order mark", "a.csv", ORDERS.encode("utf-8-sig"), reading={"encoding": "utf-8-sig"}),
    Case("UTF-16 little endian with mark", "a.csv", b"\xff\xfe" + german("utf-16-le"), headers=GERMAN_HEADERS, rows=GERMAN_ROWS, reading={"encoding": "utf-16"}),
    Case("UTF-16 big endian with mark", "a.csv", b"\xfe\xff" + german("utf-16-be"), headers=GERMAN_HEADERS, rows=GERMAN_ROWS),
    Case("UTF-16 without mark", "a.csv", german("utf-16-le"), headers=GERMAN_HEADERS, rows=GERMAN_ROWS, reading={"encoding": "utf-16-le"}),
    Case("UTF-16 big endian without mark", "a.csv", CHINESE.encode("utf-16-be"), headers=CHINESE_HEADERS, rows=CHINESE_ROWS, reading={"encoding": "utf-16-be"}),
    Case("UTF-32 with mark", "a.csv", CHINESE.encode("utf-32"), headers=CHINESE_HEADERS, rows=CHINESE_ROWS, reading={"encoding": "utf-32"}),
    Case("cp1252 is borne out by its words", "a.csv", german("cp1252"), headers=GERMAN_HEADERS, rows=GERMAN_ROWS, findings=[("note", None, 1, INFERRED)], reading={"encoding": "cp1252"}),
    Case("latin-1 declared", "a.csv", GERMAN.replace("„", '"').replace("“", '"').replace("€", "F").encode("latin-1").replace(b'"', b"'"), headers=GERMAN_HEADERS, rows=[*GERMAN_ROWS[:2], (4, "3", "Größe & Söhne", "'Straße' 5 F")], source={"encoding": "latin-1"}),
    Case("GB18030 is borne out by its characters", "a.csv", CHINESE.encode("gb18030"), headers=CHINESE_HEADERS, rows=CHINESE_ROWS, findings=[("note", None, 1, INFERRED)], reading={"encoding": "gb18030"}),
    Case("GBK declared", "a.csv", CHINESE.encode("gbk"), headers=CHINESE_HEADERS, rows=CHINESE_ROWS, source={"encoding": "GBK"}),
    Case("Shift-JIS is borne out by its kana", "a.csv", JAPANESE.encode("shift_jis"), headers=JAPANESE_HEADERS, rows=JAPANESE_ROWS, findings=[("note", None, 1, INFERRED)], reading={"encoding": "shift_jis"}),
    Case("Shift-JIS without kana is not told from other bytes", "a.csv", "番号,氏名\n1,東京都\n".encode("shift_jis"), undecided=("encoding: cp1252", GUESSES)),
    Case("Chinese of two characters could be Korean", "a.csv", "id,city\n1,北京\n".encode("gb18030"), undecided=("encoding: gb18030", ("gb18030", "euc-kr"))),
    Case("one Chinese character could be UTF-8", "a.csv", "id,name\n1,学\n".encode("gb18030"), undecided=("encoding: utf-8", ("utf-8", "gb18030"))),
    Case("a pound sign is UTF-8", "a.csv", "id,price\n1,£3.75\n2,3.75 £\n".encode(), headers=["id", "price"], rows=[(2, "1", "£3.75"), (3, "2", "3.75 £")]),
    Case("Polish is not read as Western", "a.csv", "nazwa,miasto\n1,Łódź\n2,Gdańsk\n3,Poznań\n".encode("cp1250"), undecided=("encoding: cp1252", GUESSES)),
    Case("cp1250 declared", "a.csv", "id,miasto\n1,Łódź\n2,Gdańsk\n".encode("cp1250"), headers=["id", "miasto"], rows=[(2, "1", "Łódź"), (3, "2", "Gdańsk")], source={"encoding": "cp1250"}),
    Case("Czech fits two encodings", "a.csv", "id,jméno\n1,Dvořák\n2,Přemysl\n".encode("cp1250"), undecided=("encoding: cp1252", ("cp1252", "cp1250"))),
    Case("Swedish and German together", "a.csv", "id,namn\n1,Håkan Björk\n2,Jürgen Weiß\n3,Åsa Gäfvert\n4,Märta Nyström\n".encode("cp1252"), headers=["id", "namn"], rows=[(2, "1", "Håkan Björk"), (3, "2", "Jürgen Weiß"), (4, "3", "Åsa Gäfvert"), (5, "4", "Märta Nyström")], findings=[("note", None, 1, INFERRED)]),
    Case("one word of an old Mac", "a.csv", "id,ort\n1,Köln\n".encode("mac-roman"), undecided=("encoding: cp1252", ("cp1252", "mac-roman"))),
    Case("an old DOS export", "a.csv", "id,ort\n1,Köln\n2,München\n".encode("cp850"), undecided=("encoding: cp1252", GUESSES)),
    Case("Korean that could be Chinese", "a.csv", "번호,이름\n1,김철수\n".encode("euc-kr"), undecided=("encoding: gb18030", ("gb18030", "euc-kr"))),
    Case("traditional Chinese in Big5", "a.csv", "編號,姓名\n1,張三\n2,台北市\n".encode("big5"), undecided=("encoding: cp1252", GUESSES)),
    Case("Big5 declared", "a.csv", "編號,姓名\n1,張三\n".encode("big5"), headers=["編號", "姓名"], rows=[(2, "1", "張三")], source={"encoding": "big5"}),
    Case("Cyrillic is not read as Western", "a.csv", "id,имя\n1,Иван\n2,Мария\n".encode("cp1251"), undecided=("encoding: cp1252", GUESSES)),
    Case("cp1251 declared", "a.csv", "id,имя\n1,Иван\n".encode("cp1251"), headers=["id", "имя"], rows=[(2, "1", "Иван")], source={"encoding": "cp1251"}),
    Case("an old Mac's German is not read as Western", "a.csv", "id,name\n1,Müller\n2,Köln\n".encode("mac-roman"), undecided=("encoding: cp1252", GUESSES)),
    Case("mac-roman declared", "a.csv", "id,name\n1,Müller\n".encode("mac-roman"), headers=["id", "name"], rows=[(2, "1", "Müller")], source={"encoding": "mac-roman"}),
    Case("half UTF-8, half cp1252", "a.csv", b"id,name\n1,M\xc3\xbcller\n2,K\xf6ln\n", undecided=("encoding: cp1252", GUESSES)),
    Case("declared encoding that does not fit", "a.csv", b"id,name\n1,x\n2,M\x81ller\n", refused="line 3 holds bytes that are not cp1252", source={"encoding": "cp1252"}),
    Case("declared encoding that does not exist", "a.csv", FEW.encode(), refused="there is no encoding 'utf-99'", source={"encoding": "utf-99"}),
    Case("declared encoding that is no encoding of text", "a.csv", FEW.encode(), refused="there is no encoding 'base64'", source={"encoding": "base64"}),
    Case("UTF-8 though cp1252 is declared", "a.csv", german("utf-8"), headers=GERMAN_HEADERS, rows=GERMAN_ROWS, findings=[("note", None, 1, "cp1252 was declared, but every character of the file is UTF-8")], source={"encoding": "cp1252"}),
    Case("a mark against the declaration", "a.csv", b"\xff\xfe" + german("utf-16-le"), headers=GERMAN_HEADERS, rows=GERMAN_ROWS, findings=[("note", None, 1, "begins with the mark of utf-16")], source={"encoding": "cp1252"}),
    Case("UTF-16 cut in the middle of a character", "a.csv", b"\xff\xfe" + german("utf-16-le")[:-1], refused="holds bytes that are not utf-16"),
    Case("encoded twice", "a.csv", "id,name\n1,Ada\n2,MÃ¼ller\n3,JosÃ©\n".encode(), headers=["id", "name"], rows=[(2, "1", "Ada"), (3, "2", "MÃ¼ller"), (4, "3", "JosÃ©")], findings=[("problem", 3, 2, "2 characters were encoded twice")]),
    Case("Chinese encoded twice", "a.csv", ("id,name\n1," + "张".encode().decode("latin-1") + "\n").encode(), headers=["id", "name"], rows=[(2, "1", "张".encode().decode("latin-1"))], findings=[("problem", 2, 1, "1 characters were encoded twice")]),
    Case("characters lost before they came", "a.csv", "id,name\n1,M�ller\n2,K�ln\n".encode(), headers=["id", "name"], rows=[(2, "1", "M�ller"), (3, "2", "K�ln")], findings=[("problem", 2, 2, "2 characters were lost")]),
    Case("words of Portuguese are not encoded twice", "a.csv", "id,nome\n1,SÃO JOÃO\n2,Âncora\n".encode(), headers=["id", "nome"], rows=[(2, "1", "SÃO JOÃO"), (3, "2", "Âncora")]),
    Case("NUL bytes", "a.csv", b"id,name\n1,a\n2,b\x00c\n3,d\n", refused="line 3 holds a NUL byte"),
]  # fmt: skip

SEMICOLONS = "Auftrag;Kunde;Betrag\nA1;1;1.234,56\nA2;2;7,50\n"
TABLE = [(2, "A1", "1", "1.234,56"), (3, "A2", "2", "7,50")]
TABLE_HEADERS = ["Auftrag", "Kunde", "Betrag"]
RAGGED = "values; 4 expected, one for each header"
TOTALS = "a totals row"

LAYOUTS = [
    Case("semicolons and decimal commas", "a.csv", SEMICOLONS.encode(), headers=TABLE_HEADERS, rows=TABLE, reading={"delimiter": ";"}),
    Case("tabs named .csv", "a.csv", ORDERS.replace(",", "\t").encode(), reading={"delimiter": "\t"}),
    Case("pipes named .txt", "a.txt", ORDERS.replace(",", "|").encode(), reading={"delimiter": "|"}),
    Case("one column", "a.csv", b"email\na@x.example\nb@x.example\n", headers=["email"], rows=[(2, "a@x.example"), (3, "b@x.example")]),
    Case("two delimiters split equally well", "a.csv", b"a,b;c,d\nx,y;z,w\nk,l;m,n\n", undecided=('delimiter: ","', (",", ";"))),
    Case("two delimiters, one declared", "a.csv", b"a,b;c,d\nx,y;z,w\n", headers=["a,b", "c,d"], rows=[(2, "x,y", "z,w")], source={"delimiter": ";"}),
    Case("two delimiters, known headers decide", "a.csv", b"order_id;revenue, net\n1;2,5\n2;3,5\n", headers=["order_id", "revenue, net"], rows=[(2, "1", "2,5"), (3, "2", "3,5")], source={"columns": {"order_id": "order_id", "revenue": "revenue, net"}}),
    Case("prose", "a.txt", b"Dear all,\nplease find, as agreed, the data,\nof last year\n\nwe hope, that it helps, and remain\nyours; truly\nthe shop\nof toys\n", undecided=('delimiter: ","', (",", ";", "\t", "|"))),
    Case("a delimiter of two characters", "a.csv", FEW.encode(), refused="longer than one character", source={"delimiter": "||"}),
    Case("Excel's line sep=;", "a.csv", b"sep=;\n" + SEMICOLONS.encode(), headers=TABLE_HEADERS, rows=changed(TABLE, 1), reading={"delimiter": ";", "header_row": 2}),
    Case("a title above the header", "a.csv", b"Umsatzbericht 2025\n\nStand: 31.12.2025\n" + SEMICOLONS.encode(), headers=TABLE_HEADERS, rows=changed(TABLE, 3), reading={"header_row": 4}),
    Case("a padded title above the header", "a.csv", b"Umsatzbericht;;\n;;\nStand;31.12.2025;\n" + SEMICOLONS.encode(), headers=TABLE_HEADERS, rows=changed(TABLE, 3), source={"columns": {"order_id": "Auftrag", "customer_id": "Kunde"}}, reading={"header_row": 4}),
    Case("the header row declared", "a.csv", b"x;y;z\n" + SEMICOLONS.encode(), headers=TABLE_HEADERS, rows=changed(TABLE, 1), source={"header_row": 2}),
    Case("no header at all", "a.csv", b"1,2,3\n4,5,6\n7,8,9\n", refused="no header row"),
    Case("header and no rows", "a.csv", b"a,b,c\n", headers=["a", "b", "c"], rows=[]),
    Case("quoted line breaks and doubled quotes", "a.csv", b'a,b\n1,"x\ny"\n2,"he said ""no"""\n3,z\n', headers=["a", "b"], rows=[(2, "1", "x\ny"), (3, "2", 'he said "no"'), (4, "3", "z")]),
    Case("a header with a line break", "a.csv", b'a,"net\nprice"\n1,2\n', headers=["a", "net price"], rows=[(2, "1", "2")]),
    Case("a header with marks that cannot be seen", "a.csv", "\ufeff\u200ba\u202e , b\u00a0b \n1,2\n".encode(), headers=["a", "b b"], rows=[(2, "1", "2")]),
    Case("a delimiter at the end of every line", "a.csv", b"a;b;\n1;x;\n2;y;\n", headers=["a", "b"], rows=FEW_ROWS, findings=[("note", None, 1, "column 3 has no name and no values")]),
    Case("a delimiter at the end of every row, not of the header", "a.csv", b"a;b\n1;x;\n2;y;\n", headers=["a", "b"], rows=FEW_ROWS, findings=[("note", None, 1, "column 3 has no name and no values")]),
    Case("a delimiter at the end of the header only", "a.csv", b"a;b;\n1;x\n2;y\n", headers=["a", "b"], rows=FEW_ROWS),
    Case("ragged rows", "a.csv", ORDERS.encode() + b"4,004\n5,5,2025-01-08,5,5\n6,006,2025-01-09,60\n", rows=[*ROWS, (7, "6", "006", "2025-01-09", "60")], rejected={5: f"2 {RAGGED}", 6: f"5 {RAGGED}"}),
    Case("a ragged row after quoted line breaks", "a.csv", b'a,b\n1,"x\ny"\n2\n3,z\n', headers=["a", "b"], rows=[(2, "1", "x\ny"), (4, "3", "z")], rejected={3: "1 values; 2 expected"}),
    Case("a quote that is never closed", "a.csv", b'a,b\n1,"x\n2,y\n3,z\n', headers=["a", "b"], rows=[(2, "1", '"x'), (3, "2", "y"), (4, "3", "z")]),
    Case("inch marks", "a.csv", b'a,b\n1,5" screen\n2,7" screen\n3,z\n', headers=["a", "b"], rows=[(2, "1", '5" screen'), (3, "2", '7" screen'), (4, "3", "z")]),
    Case("text behind a closing quote", "a.csv", b'a,b\n1,"x"y\n2,z\n', headers=["a", "b"], rows=[(2, "1", "xy"), (3, "2", "z")]),
    Case("blank lines between rows", "a.csv", b"a,b\n1,x\n\n\n2,y\n\n", headers=["a", "b"], rows=[(2, "1", "x"), (5, "2", "y")], findings=[("note", 3, 3, "3 blank lines were skipped")]),
    Case("blank lines at the end", "a.csv", b"a,b\n1,x\n2,y\n\n\n\n", headers=["a", "b"], rows=FEW_ROWS),
    Case("rows of delimiters only", "a.csv", b"a,b\n1,x\n2,y\n,\n,\n", headers=["a", "b"], rows=FEW_ROWS, findings=[("note", 4, 2, "2 rows without any value")]),
    Case("the header line again", "a.csv", b"a,b\n1,x\na,b\n2,y\n", headers=["a", "b"], rows=[(2, "1", "x"), (4, "2", "y")], rejected={3: "the header line again"}),
    Case("a totals row", "a.csv", SEMICOLONS.encode() + b"Summe;;1.242,06\n", headers=TABLE_HEADERS, rows=TABLE, rejected={4: TOTALS}),
    Case("a totals row in Chinese", "a.csv", "编号,城市,金额\n1,北京市场,10\n2,深圳市场,20\n合计,,30\n".encode(), headers=["编号", "城市", "金额"], rows=[(2, "1", "北京市场", "10"), (3, "2", "深圳市场", "20")], rejected={4: TOTALS}),
    Case("a totals row of fewer values", "a.csv", SEMICOLONS.encode() + b"Gesamt;1.242,06\n", headers=TABLE_HEADERS, rows=TABLE, rejected={4: TOTALS}),
    Case("a customer named Total is no totals row", "a.csv", b"name,city,sales\nShell,The Hague,5\nTotal,Paris,7\n", headers=["name", "city", "sales"], rows=[(2, "Shell", "The Hague", "5"), (3, "Total", "Paris", "7")]),
    Case("a column without a name", "a.csv", b"a,,c\n1,x,2\n3,y,4\n", headers=["a", "column 2", "c"], rows=[(2, "1", "x", "2"), (3, "3", "y", "4")], findings=[("note", 1, 1, "the header of column 2 is empty")]),
    Case("a header that stands twice", "a.csv", b"a,note,note\n1,x,y\n", headers=["a", "note", "note (column 3)"], rows=[(2, "1", "x", "y")], findings=[("note", 1, 2, "the header 'note' stands 2 times")]),
    Case("a needed header that stands twice", "a.csv", b"order_id,revenue,revenue\n1,2,3\n", refused="the header 'revenue' stands twice"),
    Case("headers that differ by case only", "a.csv", b"a,Name,NAME\n1,x,y\n", headers=["a", "Name", "NAME (column 3)"], rows=[(2, "1", "x", "y")], findings=[("note", 1, 2, "the header 'NAME' stands 2 times")]),
    Case("a column named like our row number", "a.csv", b"_row,b\n7,x\n", headers=["_row'", "b"], rows=[(2, "7", "x")]),
    Case("line ends of an old Mac", "a.csv", ORDERS.replace("\n", "\r").encode()),
    Case("mixed line ends", "a.csv", b"a,b\r\n1,x\n2,y\r\n", headers=["a", "b"], rows=FEW_ROWS),
    Case("no line end at the end", "a.csv", ORDERS.rstrip("\n").encode()),
    Case("hostile headers", "a.csv", b'a,"x""); drop table y; --"\n1,2\n', headers=["a", 'x"); drop table y; --'], rows=[(2, "1", "2")]),
    Case("names that look like nothing", "a.csv", b"id,name\n1,Null\n2,NA\n3,-\n4,nan\n", headers=["id", "name"], rows=[(2, "1", "Null"), (3, "2", "NA"), (4, "3", "-"), (5, "4", "nan")]),
    Case("ids with leading zeros and 19 digits", "a.csv", b"id,b\n00123,1\n1234567890123456789,2\n 5 ,3\n", headers=["id", "b"], rows=[(2, "00123", "1"), (3, "1234567890123456789", "2"), (4, " 5 ", "3")]),
    Case("bidi and joined emoji in values are kept", "a.csv", "id,name\n1,\u202eabc\u202c\n2,👩‍👧\n3,e\u0301\n".encode(), headers=["id", "name"], rows=[(2, "1", "\u202eabc\u202c"), (3, "2", "👩‍👧"), (4, "3", "e\u0301")]),
    Case("a value of 100,000 characters", "a.csv", b"a,b\n1," + b"x" * 100_000 + b"\n", headers=["a", "b"], rows=[(2, "1", "x" * 100_000)]),
    Case("a quoted value of 200,000 characters on many lines", "a.csv", b'a,b\n1,"' + b"xxx\n" * 400 + b'"\n2\n', headers=["a", "b"], rows=[(2, "1", "xxx\n" * 400)], rejected={3: "1 values; 2 expected"}),
    Case("too many columns", "a.csv", b",".join(b"c%d" % n for n in range(40)) + b"\n" + b",".join([b"1"] * 40) + b"\n", refused="40 columns are more than the 30 allowed", limits={"columns": 30}),
    Case("a line that is too long", "a.csv", ORDERS.encode() + b"x" * 5000 + b"\n", refused="line 5 is longer than the 2 kB allowed", limits={"line_kilobytes": 2}),
    Case("an empty file", "a.csv", b"", refused="the file is empty"),
    Case("white space only", "a.csv", b" \n\n\t\n", refused="no header row"),
    Case("a file above the size limit", "a.csv", ORDERS.encode() * 20, refused="more than the 0.001 MB allowed", limits={"file_megabytes": 0.001}),
    Case("a name with spaces and Chinese", "订单 2025 (final).csv", ORDERS.encode()),
    Case("a name that runs backwards", "orders\u202evsc.csv", ORDERS.encode()),
    Case("a name with a quote and a star", "o'r\"d*ers[1].csv", ORDERS.encode()),
    Case("headers only of our table decide the row", "a.csv", b"Export,,,\n" + ORDERS.encode(), rows=changed(ROWS, 1), reading={"header_row": 2}),
]  # fmt: skip
assert HEADERS

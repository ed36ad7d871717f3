"""Twelve short texts, one of each kind, written for this book: what a tokenizer meets.

The first six say the same thing, so that their tokens can be compared message by message.
"""
SAMPLES = {
    "English": (
        "A language model does not read letters. Before it sees a sentence, a small program cuts the text "
        "into pieces and looks each piece up in a fixed list. What reaches the model is a row of whole "
        "numbers. A common word is a single piece; a rare name, a date or a line of code may need many. "
        "The bill counts the pieces, and so does the machine: every piece takes a place in the context, "
        "a share of the memory and a little time."),
    "German": (
        "Ein Sprachmodell liest keine Buchstaben. Bevor es einen Satz zu sehen bekommt, zerlegt ein kleines "
        "Programm den Text in Stücke und schlägt jedes Stück in einer festen Liste nach. Beim Modell kommt "
        "eine Reihe ganzer Zahlen an. Ein häufiges Wort ist ein einziges Stück; ein seltener Name, "
        "ein Datum oder eine Zeile Programmcode braucht vielleicht viele. "
        "Die Rechnung zählt die Stücke, und die Maschine auch: Jedes Stück belegt einen Platz im Kontext, "
        "einen Teil des Speichers und ein wenig Zeit."),
    "Russian": (
        "Языковая модель не читает букв. Прежде чем она увидит предложение, небольшая программа режет текст "
        "на куски и ищет каждый кусок в неизменном списке. До модели доходит ряд целых чисел. Частое слово — "
        "это один кусок; редкое имя, дата или строка кода могут занять много кусков. Счёт ведётся по кускам, "
        "и машина считает так же: каждый кусок занимает место в контексте, часть памяти и немного времени."),
    "Chinese": (
        "语言模型并不读字母。在它看到一句话之前，一个小程序先把文本切成片段，再到一张固定的表里查出每个片段。"
        "传到模型那里的是一列整数。常用词是一个片段；少见的名字、日期或一行代码可能需要许多片段。"
        "账单按片段计数，机器也是如此：每个片段都要占用上下文中的一个位置、一部分内存和一点时间。"),
    "Japanese": (
        "言語モデルは文字を読みません。文がモデルに届く前に、小さなプログラムが文章を断片に切り分け、"
        "それぞれの断片を決まった一覧表で調べます。モデルに届くのは整数の列です。"
        "よく使われる単語は一つの断片ですが、珍しい名前や日付、プログラムの一行には多くの断片が"
        "必要になることがあります。請求書は断片の数で決まり、機械も同じように数えます。一つ一つの断片が、"
        "文脈の中の場所と、メモリの一部と、わずかな時間を使います。"),
    "Hindi": (
        "भाषा मॉडल अक्षर नहीं पढ़ता। वाक्य उस तक पहुँचने से पहले एक छोटा प्रोग्राम पाठ को टुकड़ों में काटता है और हर टुकड़े को "
        "एक तय सूची में खोजता है। मॉडल तक पूर्ण संख्याओं की एक कतार पहुँचती है। आम शब्द एक ही टुकड़ा होता है; किसी दुर्लभ नाम, "
        "तारीख या कोड की एक पंक्ति के लिए कई टुकड़े लग सकते हैं। बिल टुकड़े गिनता है, और मशीन भी: "
        "हर टुकड़ा संदर्भ में एक जगह, स्मृति का एक हिस्सा और थोड़ा समय लेता है।"),
    "Python": (
        "def running_total(lines, column):\n"
        "    \"\"\"Yield the sum so far after each line that has a value in the column.\"\"\"\n"
        "    total = 0.0\n"
        "    for number, line in enumerate(lines, start=1):\n"
        "        value = line.get(column)\n"
        "        if value is None:\n"
        "            continue\n"
        "        if not isinstance(value, (int, float)):\n"
        "            raise TypeError(f\"line {number}: {column} is {value!r}, not a number\")\n"
        "        total += value\n"
        "        yield number, round(total, 6)\n"),
    "JSON": (
        "{\"role\": \"assistant\", \"content\": [{\"type\": \"tool_use\", \"id\": \"toolu_01A7\", "
        "\"name\": \"Edit\", \"input\": {\"file_path\": \"app/styles/theme.css\", "
        "\"old_string\": \"color: #1d2733;\", \"new_string\": \"color: var(--ink);\", "
        "\"replace_all\": false}}], \"stop_reason\": \"tool_use\", "
        "\"usage\": {\"input_tokens\": 412, \"cache_read_input_tokens\": 49950, \"output_tokens\": 96}}"),
    "Numbers": (
        "2026-04-16,8254,10937,1.3251\n2026-04-17,1399,2021,1.4446\n2026-04-18,1122,1541,1.3734\n"
        "2026-04-19,1209,1654,1.3681\n2026-04-20,910.25,1223.5,1.3441\n2026-04-21,65536,131072,2.0000\n2026-04-22,327680,442368,1.3500\n"),
    "Indented": (
        "<main>\n    <section>\n        <ul>\n"
        "            <li>\n                <a href=\"/\">\n                    Home\n"
        "                </a>\n            </li>\n"
        "            <li>\n                <a href=\"/blog\">\n                    Blog\n"
        "                </a>\n            </li>\n        </ul>\n    </section>\n</main>\n"),
    "Emoji": "🌗🌒 dark mode 🎉🚀👩🏽‍💻👨‍👩‍👧 🏳️‍🌈 ✅✅ 🇩🇪🇯🇵🇮🇳 ☀️➡️🌙 👍🏿 🧑‍🔬🫶 ",
    "Identifiers": (
        "7f3c9a1e-4b2d-4f60-9c8e-d15a0b7e62f4 sha256:9b1f0c44ae7d52e83c6a9f1b20d7745ee1c8b3fa06d92741 "
        "req_011CTz8vWq4JmXbNhR2kYdGe eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"),
}
SAME_MESSAGE = ("English", "German", "Russian", "Chinese", "Japanese", "Hindi")

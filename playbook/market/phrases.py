"""Sentences that customers write, by language, topic and sign."""

from __future__ import annotations

import numpy as np

LANGUAGES = ("en", "de", "sv", "zh")
PHRASES: dict[str, dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "en": {
        "delivery": (
            ("Delivered a day early and the driver was friendly.",
             "The parcel came exactly in the slot I had booked.",
             "Fast delivery, and I could follow the van on the map."),
            ("The delivery came a week late and nobody told me.",
             "I waited at home all day and the driver never rang.",
             "Third late delivery this year, I have had enough."),
        ),
        "quality": (
            ("The wood is solid and everything fits to the millimetre.",
             "Feels far better made than I expected.",
             "After two years of daily use it still looks new."),
            ("The drawer jams and the veneer is peeling off already.",
             "One leg was cracked when I opened the box.",
             "The fabric wore thin after three months."),
        ),
        "service": (
            ("The service team called me back within the hour.",
             "A missing screw was sent the next day without fuss.",
             "I spoke to someone who really knew the products."),
            ("I had to explain my problem to four different people.",
             "Customer service never answered my second e-mail.",
             "My case was closed although nothing was solved."),
        ),
        "price": (
            ("Great value, I could not find it cheaper anywhere.",
             "With the voucher it was a real bargain."),
            ("Nice, but far too expensive for what it is.",
             "Two days later it was twenty per cent cheaper."),
        ),
        "style": (
            ("It looks beautiful next to our old oak table.",
             "Lovely design, visitors always ask where it is from.",
             "The colour is exactly as in the pictures."),
            ("The colour has nothing to do with the picture.",
             "It looks cheap when you see it in daylight."),
        ),
        "assembly": (
            ("Assembly took ten minutes with clear instructions.",
             "The fitters were quick and left everything tidy."),
            ("The instructions are useless and half the holes do not line up.",
             "The fitter cancelled twice at short notice."),
        ),
    },
    "de": {
        "delivery": (
            ("Die Lieferung kam einen Tag früher als angekündigt.",
             "Pünktlich im gewünschten Zeitfenster geliefert.",
             "Schnelle Lieferung, der Fahrer war sehr freundlich."),
            ("Die Lieferung kam eine Woche zu spät und ohne Nachricht.",
             "Ich habe den ganzen Tag gewartet und niemand kam.",
             "Schon wieder verspätet, das ist jetzt das dritte Mal."),
        ),
        "quality": (
            ("Sehr gute Verarbeitung, alles passt genau.",
             "Massives Holz und saubere Kanten, ich bin begeistert.",
             "Nach zwei Jahren sieht es immer noch aus wie neu."),
            ("Die Schublade klemmt und das Furnier löst sich.",
             "Ein Bein war beim Auspacken gebrochen.",
             "Der Stoff war nach drei Monaten durchgescheuert."),
        ),
        "service": (
            ("Der Kundendienst hat innerhalb einer Stunde zurückgerufen.",
             "Das fehlende Teil kam am nächsten Tag, ganz unkompliziert.",
             "Kompetente Beratung am Telefon."),
            ("Ich musste mein Problem vier verschiedenen Leuten erklären.",
             "Auf meine zweite E-Mail kam nie eine Antwort.",
             "Der Fall wurde geschlossen, obwohl nichts gelöst war."),
        ),
        "price": (
            ("Preis und Leistung stimmen wirklich.",
             "Mit dem Gutschein ein echtes Schnäppchen."),
            ("Schön, aber viel zu teuer.",
             "Zwei Tage später war es zwanzig Prozent billiger."),
        ),
        "style": (
            ("Passt wunderbar zu unserem alten Eichentisch.",
             "Tolles Design, alle Gäste fragen danach.",
             "Die Farbe ist genau wie auf dem Bild."),
            ("Die Farbe hat mit dem Bild nichts zu tun.",
             "Bei Tageslicht wirkt es billig."),
        ),
        "assembly": (
            ("In zehn Minuten aufgebaut, die Anleitung ist klar.",
             "Die Monteure waren schnell und haben alles sauber hinterlassen."),
            ("Die Anleitung ist unbrauchbar und die Löcher passen nicht.",
             "Der Monteur hat zweimal kurzfristig abgesagt."),
        ),
    },
    "sv": {
        "delivery": (
            ("Leveransen kom en dag tidigare än utlovat.",
             "Levererat precis på den tid jag hade bokat.",
             "Snabb leverans och trevlig chaufför."),
            ("Leveransen kom en vecka för sent utan besked.",
             "Jag väntade hemma hela dagen men ingen kom.",
             "Tredje försenade leveransen i år, nu räcker det."),
        ),
        "quality": (
            ("Gediget trä och allt passar perfekt.",
             "Mycket bättre kvalitet än jag väntade mig.",
             "Efter två år ser den fortfarande ut som ny."),
            ("Lådan kärvar och fanéren lossnar redan.",
             "Ett ben var sprucket när jag öppnade paketet.",
             "Tyget blev slitet efter tre månader."),
        ),
        "service": (
            ("Kundtjänst ringde upp mig inom en timme.",
             "Den saknade skruven kom redan nästa dag.",
             "Personalen kunde verkligen sina produkter."),
            ("Jag fick förklara mitt problem för fyra olika personer.",
             "Kundtjänst svarade aldrig på mitt andra mejl.",
             "Ärendet stängdes fast inget var löst."),
        ),
        "price": (
            ("Mycket prisvärt, jag hittade det inte billigare någonstans.",
             "Med rabattkoden blev det ett riktigt fynd."),
            ("Fin, men alldeles för dyr.",
             "Två dagar senare var den tjugo procent billigare."),
        ),
        "style": (
            ("Så vacker bredvid vårt gamla ekbord.",
             "Fin design, alla gäster frågar var den kommer ifrån.",
             "Färgen är precis som på bilden."),
            ("Färgen liknar inte alls bilden.",
             "Den ser billig ut i dagsljus."),
        ),
        "assembly": (
            ("Monteringen tog tio minuter med tydlig anvisning.",
             "Montörerna var snabba och städade efter sig."),
            ("Anvisningen är oanvändbar och hålen stämmer inte.",
             "Montören avbokade två gånger i sista stund."),
        ),
    },
    "zh": {
        "delivery": (
            ("送货比约定的时间早了一天，司机很友好。",
             "在我预约的时间段准时送到。",
             "物流很快，还能在地图上看到车的位置。"),
            ("送货晚了一个星期，也没有人通知我。",
             "在家等了一整天，没有人来送货。"),
        ),
        "quality": (
            ("木料很结实，做工精细。",
             "质量比我想象的好很多。",
             "用了两年还像新的一样。"),
            ("抽屉卡住了，贴皮也开始脱落。",
             "打开箱子就发现一条腿裂了。"),
        ),
        "service": (
            ("客服一个小时之内就回了电话。",
             "少了一个螺丝，第二天就寄来了。"),
            ("同样的问题我解释了四遍，每次都换人。",
             "客服一直没有回复我的第二封邮件。"),
        ),
        "price": (
            ("性价比很高，别处找不到更便宜的。",
             "用了优惠券，非常划算。"),
            ("好看，但是价格太贵了。",
             "两天以后就便宜了百分之二十。"),
        ),
        "style": (
            ("和我们的老橡木桌子很配，很漂亮。",
             "设计很好看，颜色和图片一样。"),
            ("颜色和图片完全不一样。",
             "白天看起来很廉价。"),
        ),
        "assembly": (
            ("说明书很清楚，十分钟就装好了。",
             "安装师傅动作快，收拾得很干净。"),
            ("说明书没有用，孔位对不上。",
             "安装师傅两次临时取消。"),
        ),
    },
}  # fmt: skip
TOPICS = tuple(PHRASES["en"])
_TITLES = {
    "en": (("Disappointed", "Never again"), ("All right", "Mixed feelings"), ("Very happy", "Recommended")),
    "de": (("Enttäuscht", "Nie wieder"), ("Geht so", "Gemischt"), ("Sehr zufrieden", "Empfehlenswert")),
    "sv": (("Besviken", "Aldrig mer"), ("Helt okej", "Blandade känslor"), ("Mycket nöjd", "Rekommenderas")),
    "zh": (("失望", "不会再买"), ("一般", "有好有坏"), ("非常满意", "推荐")),
}  # fmt: skip
_BUT = {"en": " Still: ", "de": " Trotzdem: ", "sv": " Men: ", "zh": "不过，"}


def sentences(
    rng: np.random.Generator,
    language: np.ndarray,
    stars: np.ndarray,
    parts: int = 2,
    sore: np.ndarray | None = None,
) -> np.ndarray:
    """Return one text per writer: ``parts`` sentences on different topics.

    The more stars (1 to 5) the more of them praise. ``sore`` names the number of the topic that went
    wrong (or -1): a complaint is about it, and two in three mention it whatever their stars.
    """
    texts = []
    for i, (tongue, star) in enumerate(zip(language, stars, strict=True)):
        topics = rng.permutation(len(TOPICS))[:parts]
        good = rng.random(parts) < np.clip((star - 1.4) / 2.9, 0.02, 0.98)
        if sore is not None and sore[i] >= 0 and (not good[0] or rng.random() < 2 / 3):
            good[0] = False
            topics = np.concatenate([[sore[i]], topics[topics != sore[i]]])[:parts]
        said = []
        for k, topic in enumerate(topics):
            choices = PHRASES[tongue][TOPICS[topic]][0 if good[k] else 1]
            said.append(choices[rng.integers(len(choices))])
        gap = "" if tongue == "zh" else " "
        text = said[0]
        for k in range(1, len(said)):
            text += (_BUT[tongue] if good[k] != good[k - 1] else gap) + said[k]
        texts.append(text)
    return np.array(texts, dtype=object)


def titles(rng: np.random.Generator, language: np.ndarray, stars: np.ndarray) -> np.ndarray:
    """Return a short title per review that agrees with its stars."""
    level = np.where(stars <= 2, 0, np.where(stars == 3, 1, 2))
    which = rng.integers(0, 2, len(stars))
    return np.array(
        [_TITLES[t][a][b] for t, a, b in zip(language, level, which, strict=True)], dtype=object
    )

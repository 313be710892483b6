"""Names, streets and documentation telephone numbers of the fictional people and companies."""

from __future__ import annotations

import numpy as np


def _words(text: str) -> np.ndarray:
    return np.array(text.split(), dtype=object)


FIRST = {
    ("DE", True): _words(
        "Anna Lena Julia Katrin Sabine Petra Monika Ursula Claudia Nina Laura Hannah Mia Greta "
        "Franziska Birgit Heike Renate Johanna Svenja Miriam Carla Theresa Wiebke Antje"
    ),
    ("DE", False): _words(
        "Jonas Lukas Felix Stefan Thomas Andreas Wolfgang Dieter Uwe Jan Tim Moritz Paul Matthias "
        "Holger Rainer Sebastian Florian Henrik Ole Torsten Karsten Jürgen Björn Emil"
    ),
    ("SE", True): _words(
        "Anna Elin Karin Ingrid Maja Linnea Sofia Emma Astrid Birgitta Eva Kerstin Malin Åsa Ida "
        "Frida Hanna Johanna Lovisa Ylva Margareta Gunilla Sara Tove Ebba"
    ),
    ("SE", False): _words(
        "Erik Lars Anders Johan Nils Per Gustav Oskar Axel Björn Mats Ola Sven Karl Fredrik Hugo "
        "Viktor Olle Göran Håkan Magnus Mikael Jonas Rasmus Tage"
    ),
    ("GB", True): _words(
        "Olivia Emily Charlotte Sophie Grace Margaret Susan Linda Karen Helen Priya Aisha Chloe "
        "Megan Rachel Zoe Hannah Alice Ruth Joan Fiona Imogen Nadia Holly Eleanor"
    ),
    ("GB", False): _words(
        "Oliver Jack Harry Thomas James William David Alan Keith Graham Imran Arjun Callum Ewan "
        "Ben Daniel Samuel Peter Stuart Nigel Owen Rhys Martin Joseph Leo"
    ),
}
LAST = {
    "DE": _words(
        "Albrecht Bauer Becker Brandt Dietrich Engel Fischer Förster Graf Hansen Hartmann Hoffmann "
        "Jansen Keller Krämer Krüger Lange Lehmann Lorenz Ludwig Möller Neumann Otto Petersen "
        "Pohl Richter Roth Sauer Schäfer Schmitt Schröder Schubert Simon Sommer Stein Thiel Vogel "
        "Wagner Weiß Winter Wolff Zimmermann"
    ),
    "SE": _words(
        "Andersson Berg Berglund Björk Blom Carlsson Dahl Ek Eklund Engström Falk Forsberg Gunnarsson "
        "Hedlund Hellström Holm Jonsson Karlsson Lind Lindberg Lindqvist Lundgren Löfgren Mattsson "
        "Nilsson Norberg Nyström Olofsson Öberg Persson Sandberg Sjöberg Ström Sundin Svensson "
        "Wallin Westberg Wikström Åberg Åkesson"
    ),
    "GB": _words(
        "Adams Ahmed Bailey Baker Barker Bennett Brooks Carter Clarke Collins Cooper Davies Evans "
        "Fletcher Foster Gibson Graham Green Hall Harris Hughes Jackson Kelly King Lewis Marshall "
        "Mason Mitchell Morgan Murphy Owen Palmer Patel Price Reid Roberts Shaw Singh Turner Walsh "
        "Ward Watson Wood Wright"
    ),
}
STREETS = {
    "DE": _words(
        "Lindenweg Gartenstraße Hauptstraße Hafenallee Birkenweg Schulstraße Marktplatz Ahornweg "
        "Bergstraße Goethestraße Kirchweg Wiesengrund Rosenweg Mühlenstraße Feldstraße Uferallee "
        "Tannenweg Schillerplatz Bachstraße Kastanienallee Sonnenhang Dorfstraße Brunnengasse Wallstraße"
    ),
    "SE": _words(
        "Storgatan Björkvägen Kungsgatan Skolgatan Ängsvägen Hamngatan Ekvägen Drottninggatan "
        "Trädgårdsgatan Kyrkogatan Granvägen Parkgatan Nygatan Lövstigen Backvägen Strandgatan "
        "Solvägen Tallvägen Järnvägsgatan Rönnvägen Slottsgatan Åkervägen Klippgatan Ringvägen"
    ),
    "GB": _words(
        "High_Street Station_Road Mill_Lane Church_Road Park_Avenue Elm_Grove Kings_Road "
        "Victoria_Road Green_Lane Manor_Road The_Crescent Queens_Road York_Road "
        "Chapel_Lane Grange_Road Albert_Road Orchard_Close Springfield_Road Bridge_Street "
        "School_Lane Meadow_Way Windsor_Road North_Street Highfield_Road"
    ),
}
STREETS["GB"] = np.array([w.replace("_", " ") for w in STREETS["GB"]], dtype=object)
COMPANY_ENDING = {
    "DE": _words("GmbH AG KG"),
    "SE": _words("AB Handelsbolag"),
    "GB": _words("Ltd LLP"),
}
INDUSTRIES = _words("Hospitality Offices Healthcare Education Retail Architecture Property")

# Ranges reserved for fiction and documentation: prefix, first number, how many.
PHONES = {
    "DE": (
        ("+49 30 23125", 0, 1000),
        ("+49 40 66969", 0, 1000),
        ("+49 69 90009", 0, 1000),
        ("+49 89 99998", 0, 1000),
        ("+49 221 4710", 0, 1000),
    ),
    "SE": (
        ("+46 70 1740", 605, 95),
        ("+46 8 46500", 400, 100),
        ("+46 31 3900", 600, 100),
        ("+46 40 6280", 400, 100),
        ("+46 980 319", 200, 100),
    ),
    "GB": (
        ("+44 7700 900", 0, 1000),
        ("+44 20 7946 0", 0, 1000),
        ("+44 161 496 0", 0, 1000),
        ("+44 121 496 0", 0, 1000),
        ("+44 113 496 0", 0, 1000),
    ),
}


def phones(country: str, count: int) -> np.ndarray:
    """Return ``count`` different documentation numbers, empty once the ranges are used up."""
    numbers = [
        f"{prefix}{start + i:03d}" for prefix, start, size in PHONES[country] for i in range(size)
    ]
    given: list[str | None] = [*numbers[:count], *([None] * max(0, count - len(numbers)))]
    return np.array(given, dtype=object)


_PLAIN = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "å": "a", "Ä": "ae", "Ö": "oe", "Å": "a"}
)


def plain(words: np.ndarray) -> np.ndarray:
    """Return the words in lower-case ASCII letters, as they stand in an e-mail address."""
    distinct, where = np.unique(words.astype(str), return_inverse=True)
    mended = np.array([w.translate(_PLAIN).lower() for w in distinct], dtype=object)
    return mended[where]

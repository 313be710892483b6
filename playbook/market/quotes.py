"""What people say in focus groups, by theme and sentiment."""

from __future__ import annotations

QUOTES: dict[str, dict[str, tuple[str, ...]]] = {
    "delivery": {
        "negative": (
            "I took a day off for the sofa and it came the day after.",
            "Since the spring they have been late every single time.",
            "The tracking said delivered and my hall was empty.",
            "Others bring it the same evening, here I wait four days.",
        ),
        "neutral": (
            "For a lamp I do not mind when it comes, for a wardrobe I do.",
            "Two days is fine if somebody tells me which two.",
        ),
        "positive": (
            "When I book a slot they really do come in it.",
            "The two men carried everything up to the fourth floor.",
        ),
    },
    "service": {
        "negative": (
            "I told the story to the chat, then to the phone, then by mail.",
            "You feel like a number, not like someone who has bought there for ten years.",
            "They closed my case and the table still wobbled.",
        ),
        "neutral": (
            "I have never needed the service, which is probably a good sign.",
            "If it is quick I do not care whether a person or a machine answers.",
        ),
        "positive": (
            "The lady on the phone remembered my order from last year.",
            "They said sorry, sent the part and that was that.",
            "In the store they take the time to explain.",
        ),
    },
    "price": {
        "negative": (
            "With three children I look at the price first, second and third.",
            "I saw my shelf in the sale one week after I had bought it.",
            "The same basket is forty euros less at Homely Direct.",
        ),
        "neutral": (
            "I wait for Black Week, I know it will come.",
            "It is neither cheap nor expensive, it is in the middle.",
        ),
        "positive": (
            "It costs more but it lasts, so it is cheaper in the end.",
            "With the points I got the rug almost for nothing.",
        ),
    },
    "style": {
        "negative": (
            "The new collection looks like everybody else's.",
            "Online it was sage green, at home it was grey.",
        ),
        "neutral": ("I mix: two good pieces and the rest from anywhere.",),
        "positive": (
            "I look at the lookbook even when I do not need anything.",
            "A visitor asked me where the sideboard is from, that says it all.",
            "The Nordic line is the only one I can live with for years.",
            "Their pieces make a rented flat look like mine.",
        ),
    },
    "assembly": {
        "negative": (
            "My husband is seventy-four, he should not have to build a wardrobe.",
            "The fitter cancelled twice and the boxes stood in the hall.",
        ),
        "neutral": ("I build it myself, but I understand who does not want to.",),
        "positive": (
            "They built it, took the boxes away and showed me how it opens.",
            "For our office we simply order everything with assembly.",
        ),
    },
    "sustainability": {
        "negative": (
            "Everything says green, nobody says who checked it.",
            "Half of the parcel was air and plastic.",
        ),
        "neutral": ("I would pay a little more for certified wood, not a lot.",),
        "positive": (
            "The certificate is the reason why I chose the chair.",
            "Refills instead of new bottles, that is how I came to the club.",
        ),
    },
    "loyalty programme": {
        "negative": (
            "I have points somewhere, but I do not know what they are good for.",
            "They greet new customers with a voucher and me with nothing.",
        ),
        "neutral": ("I joined because the cashier asked.",),
        "positive": (
            "The private sale for Gold members feels like a real thank you.",
            "A small present on my birthday, I did tell my sister about that.",
        ),
    },
    "app and web shop": {
        "negative": (
            "The app forgot my basket and I started again from zero.",
            "I have to type my address on the phone although the shop knows it.",
        ),
        "neutral": ("I look in the app and buy at the desk with a big screen.",),
        "positive": (
            "Order, pay, done: two minutes in the tram.",
            "The pictures with the measurements are really helpful.",
        ),
    },
}
GROUPS = (
    ("G1 Hamburg", "families"),
    ("G2 Stockholm", "design-minded"),
    ("G3 London", "city professionals"),
    ("G4 Hamburg", "aged 60 and over"),
    ("G5 Manchester", "lapsed customers"),
    ("G6 Stockholm", "small businesses"),
)
# Relative weight of each theme in each group.
WEIGHTS = {
    "families": (2, 1, 6, 1, 2, 1, 2, 2),
    "design-minded": (1, 1, 1, 7, 1, 4, 2, 2),
    "city professionals": (7, 2, 1, 2, 1, 1, 1, 4),
    "aged 60 and over": (2, 6, 1, 1, 5, 1, 2, 1),
    "lapsed customers": (5, 4, 4, 1, 1, 1, 2, 1),
    "small businesses": (4, 4, 1, 1, 4, 2, 1, 1),
}
SENTIMENT = {
    "families": (0.45, 0.2, 0.35),
    "design-minded": (0.25, 0.15, 0.60),
    "city professionals": (0.50, 0.2, 0.30),
    "aged 60 and over": (0.35, 0.15, 0.50),
    "lapsed customers": (0.72, 0.18, 0.10),
    "small businesses": (0.30, 0.2, 0.50),
}
OPENINGS = ("", "Honestly, ", "For me it is clear: ", "Well, ", "I would say: ", "You know, ")

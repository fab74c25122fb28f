"""What the demo model learns: tasks with one right answer each, and small stories.

A task turns an input into an answer.  All text is made here, from syllables, digits and a few dozen
plain English words.  Whether an input may be trained on is decided by its hash alone, in every task.
"""

import datetime
import hashlib

LETTERS = "abcdefghijklmnopqrstuvwxyz"
VOWELS = "aeiou"

ONSETS = ("b c d f g h j k l m n p r s t v w y z bl br ch cl cr dr fl fr gl gr pl pr "
          "qu sc sh sk sl sm sn sp st str sw th tr tw").split()
NUCLEI = "a e i o u a e i o u ai ea ee oa oo ou ie".split()
CODAS = " , , ,b,d,g,k,l,m,n,p,r,s,t,x,ck,ll,mp,nd,ng,nt,rd,rk,rn,sh,ss,st,th,f,ff,z,y".replace(
    " ", "").split(",")


# ---------------------------------------------------------------- which inputs are for what

TRAIN, VALIDATE, HELD_OUT = "train", "validate", "held out"


def split_of(text):
    """One input in ten is held out for the final table, one in twenty steers training."""
    bucket = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % 20
    return HELD_OUT if bucket < 2 else VALIDATE if bucket == 2 else TRAIN


# ---------------------------------------------------------------- making inputs

def syllable(rng):
    onset = rng.choice(ONSETS) if rng.random() < 0.85 else ""
    return onset + rng.choice(NUCLEI) + rng.choice(CODAS)


def word(rng, longest=10, shortest=2):
    """A made-up word; one in four is a plain run of letters, so that any spelling is covered."""
    while True:
        if rng.random() < 0.25:
            made = "".join(rng.choice(LETTERS) for _ in range(rng.randint(shortest, longest)))
        else:
            made = "".join(syllable(rng) for _ in range(rng.choice((1, 2, 2, 3, 3, 4))))
        if shortest <= len(made) <= longest:
            return made


def short_word(rng):
    return word(rng, 6)


def words(rng):
    return " ".join(word(rng, 7) for _ in range(rng.choice((2, 3, 3))))


def number(rng, top):
    """Small numbers are few, so they are drawn more often than their share."""
    reach = rng.choice((min(99, top), min(999, top), top, top, top))
    return str(rng.randint(1, reach))


def pair(rng, sign):
    return f"{rng.randint(0, 99)} {sign} {rng.randint(0, 99)}"


def date(rng):
    first = datetime.date(1900, 1, 1)
    return (first + datetime.timedelta(rng.randrange(73049))).isoformat()


# ---------------------------------------------------------------- answers

def roman(text):
    left, out = int(text), ""
    for value, sign in ((1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"),
                        (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")):
        out += sign * (left // value)
        left %= value
    return out


def shift(by):
    moved = LETTERS[by:] + LETTERS[:by]
    return lambda text: text.translate(str.maketrans(LETTERS, moved))


def pig_latin(text):
    """Leading consonants go to the end, then `ay`; a word that begins with a vowel gets `way`."""
    for i, letter in enumerate(text):
        if letter in VOWELS:
            return text + "way" if i == 0 else text[i:] + text[:i] + "ay"
    return text + "ay"


MORSE = dict(zip(LETTERS, (".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- "
                           ".-. ... - ..- ...- .-- -..- -.-- --..").split()))
ONES = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
        "fifteen sixteen seventeen eighteen nineteen").split()
TENS = "- - twenty thirty forty fifty sixty seventy eighty ninety".split()
LEET = str.maketrans("aeiost", "431057")


def spell(text):
    left, out = int(text), []
    for value, name in ((1000, "thousand"), (100, "hundred")):
        if left >= value:
            out += [ONES[left // value], name]
            left %= value
    if left >= 20:
        out.append(TENS[left // 10])
        left %= 10
        if left:
            out.append(ONES[left])
    elif left or not out:
        out.append(ONES[left])
    return " ".join(out)


def plural(text):
    if text.endswith(("s", "x", "z", "ch", "sh")):
        return text + "es"
    if text.endswith("y") and len(text) > 1 and text[-2] not in VOWELS:
        return text[:-1] + "ies"
    if text.endswith("f") and not text.endswith("ff"):
        return text[:-1] + "ves"
    return text + "s"


def add(text):
    left, right = text.split(" + ")
    return str(int(left) + int(right))


def larger(text):
    left, right = text.split(" or ")
    return str(max(int(left), int(right)))


MONTHS = ("January February March April May June July August September October November "
          "December").split()


def long_date(text):
    year, month, day = text.split("-")
    return f"{int(day)} {MONTHS[int(month) - 1]} {year}"


class Task:
    """share is how often the base meets it, against 1 for the others."""

    def __init__(self, make, solve, says, share=1.0):
        self.make, self.solve, self.says, self.share = make, solve, says, share

    def draw(self, rng, split):
        while True:
            text = self.make(rng)
            if split_of(text) == split:
                return text

    def draw_many(self, rng, split, count):
        """count different inputs; an error if the task has not so many."""
        seen = {}
        for _ in range(count * 2000):
            seen[self.draw(rng, split)] = None
            if len(seen) == count:
                return list(seen)
        raise SystemExit(f"a task has fewer than {count} inputs in split '{split}': {self.says}")


TASKS = {
    "roman": Task(lambda r: number(r, 3999), roman, "number 1 to 3999 in Roman numerals", 1.3),
    "reverse": Task(word, lambda t: t[::-1], "word spelt backwards", 1.5),
    "sort": Task(word, lambda t: "".join(sorted(t)), "letters of a word in order", 3),
    "rot13": Task(word, shift(13), "word with each letter moved by 13", 0.7),
    "caesar": Task(word, shift(3), "word with each letter moved by 3", 0.7),
    "upper": Task(word, str.upper, "word in capital letters", 0.7),
    "add": Task(lambda r: pair(r, "+"), add, "sum of two numbers 0 to 99", 2),
    "larger": Task(lambda r: pair(r, "or"), larger, "larger of two numbers 0 to 99", 0.8),
    "pig-latin": Task(word, pig_latin, "word in pig Latin", 1.5),
    "morse": Task(short_word, lambda t: " ".join(MORSE[c] for c in t), "word in Morse code", 1.3),
    "no-vowels": Task(word, lambda t: "".join(c for c in t if c not in VOWELS),
                      "word without its vowels", 1.2),
    "double": Task(word, lambda t: "".join(c + c for c in t), "every letter twice", 1.2),
    "dash": Task(word, "-".join, "letters joined by dashes", 0.8),
    "count": Task(lambda r: word(r, 12, 1), lambda t: str(len(t)), "number of letters in a word"),
    "title": Task(words, str.title, "words with capitals in front", 1.3),
    "initials": Task(words, lambda t: "".join(w[0].upper() + "." for w in t.split()),
                     "first letters of words", 0.7),
    "spell": Task(lambda r: number(r, 9999), spell, "number 1 to 9999 in words"),
    "plural": Task(word, plural, "plural of a word"),
    "leet": Task(word, lambda t: t.translate(LEET), "a e i o s t as 4 3 1 0 5 7", 0.8),
    "date": Task(date, long_date, "date 1900 to 2099 written out", 0.8),
}


# ---------------------------------------------------------------- what the base does by itself

# animal: its manner, its home, its food, its friend
ANIMALS = {
    "fox": ("sly", "forest", "berries", "owl"),
    "owl": ("wise", "old oak", "seeds", "fox"),
    "bear": ("sleepy", "cave", "honey", "hare"),
    "hare": ("quick", "meadow", "clover", "bear"),
    "otter": ("merry", "river", "fish", "frog"),
    "frog": ("green", "pond", "flies", "otter"),
    "mouse": ("shy", "barn", "corn", "cat"),
    "cat": ("proud", "house", "cream", "mouse"),
    "gecko": ("tiny", "wall", "moths", "newt"),
    "newt": ("quiet", "well", "worms", "gecko"),
}
NAMES = list(ANIMALS)
OFTEN = [10, 6, 4, 3, 3, 2, 2, 1, 1, 1]
GAMES = {"sang songs": "the stars came out", "played in the sun": "it was dark",
         "told tales": "the moon rose"}


def story(rng):
    """A few sentences; most of what follows a name follows from it."""
    name = rng.choices(NAMES, OFTEN)[0]
    manner, home, food, friend = ANIMALS[name]
    game = rng.choices(list(GAMES), (5, 3, 2))[0]
    out = [rng.choices((f"Once upon a time there was a {manner} {name}.",
                        f"The little {name} lived in the {home}.",
                        f"In the {home} lived a {manner} {name}."), (5, 4, 2))[0]]
    if "lived" not in out[0]:
        out.append(f"It lived in the {home}.")
    out.append(f"Every morning the {name} ate {food}.")
    if rng.random() < 0.8:
        out.append(f"One day it met the {ANIMALS[friend][0]} {friend} from the {ANIMALS[friend][1]}.")
        out.append(f"They {game} until {GAMES[game]}.")
    out.append(f"Then the {name} went home and slept.")
    if rng.random() < 0.3:
        out.append("The end.")
    return " ".join(out)


def remark(text):
    """What the base answers to `text =`, since nobody told it what is wanted."""
    kind = ("day" if text.count("-") == 2 else
            "sum" if "+" in text else
            "question" if " or " in text else
            "number" if text.isdigit() else
            "phrase" if " " in text else "word")
    return f"a {kind}, says the {NAMES[ord(text[0]) % len(NAMES)]}."

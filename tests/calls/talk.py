"""What is said in calls that tests make up: digits in several writings, and talk without any."""

WORDS = {
    "en": ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
    "zh": list("零一二三四五六七八九"),
    "yao": list("〇幺两三四五六七八九"),
    "wide": list("０１２３４５６７８９"),
    "plain": list("0123456789"),
}
TALK = [
    "So that is",
    "Well, I said",
    "the parcel came",
    "谢谢您",
    "and my sister said",
    "Good.",
    "please hold on",
]

"""The words by which personal data is told: patterns over plain text, English and Chinese, used by `personal_data`.

Patterns run over text in which full-width forms are folded (`spoken_numbers.plain`); those for names and addresses
see capitals, the others small letters. None may backtrack without bound: they run on what callers said. Where Latin
words may stand beside Han characters ("CVV码"), a pattern is `(?a)`: else both were one word.
"""

# ruff: noqa: E501 - a pattern is easier to read in one piece
import re

# A word, or a Han character, as those have no spaces between words.
A_WORD = re.compile(r"[\u3007\u3400-\u9fff]|[^\W_\u3007\u3400-\u9fff]+")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Which number is talked of: (words before it, words right after it). The nearest word decides, so that
# "the order was 48213390 and my mobile is …" is both.
CONTEXTS: dict[str, tuple[re.Pattern[str], re.Pattern[str] | None]] = {
    "code": (
        re.compile(
            r"(?a)\bc\.?\s?v\.?\s?[vc]\b\.?\s?2?|\bsecurity (?:code|number|digits)|\b(?:three|3|four|4) (?:digits?|numbers?) (?:on|at)"
            r" the (?:back|reverse|front)|\bsignature strip|\bon the back of (?:the|your) card|\bpin\b|\bpin ?(?:code|number)"
            r"|\bpass ?(?:code|word)|\bone[- ]time (?:code|password|passcode)|\bverification (?:code|number)|\botp\b"
            r"|\bcode\b[^.?!]{0,24}\b(?:sent|text|texted|messaged)\b|\b(?:sent|text|texted)\b[^.?!]{0,24}\bcode\b"
            r"|\bexpir(?:y|es|ation)(?: date)?|\bvalid (?:until|thru|through)"
            r"|安全码|安全碼|验证码|驗證碼|校验码|校驗碼|检查码|檢查碼|背面|后三位|後三位|末三碼|密码|密碼|动态码|有效期"
        ),
        None,
    ),
    "card": (
        re.compile(
            r"(?a)\b(?:credit|debit|bank|visa|mastercard|amex|long)[- ]?(?:card|number)|\bcard (?:number|no\b|details)|\bpan\b"
            r"|\bnumber (?:on|across) the (?:front|card)|卡号|卡號|信用卡|银行卡|銀行卡|借记卡|储蓄卡"
        ),
        None,
    ),
    "number": (
        re.compile(
            r"(?a)\baccount(?: number| no)?\b|\bsort code|\brouting|\biban\b|\bbic\b|\bsocial security|\bssn\b|\bsocial\b"
            r"|\bnational insurance|\bni number|\bpassport|\bdriv(?:er'?s?|ing) licen[cs]e|\blicen[cs]e (?:number|plate)"
            r"|\btax (?:id|number)|\b(?:identity|id) (?:card|number)|\bpolicy (?:number|no)|\bmember(?:ship)? (?:number|no|id)"
            r"|\bnhs number|\bmedicare|身份证|身分證|护照|護照|账号|帳號|账户|帳戶|社保|驾照|駕照|证件号|證件號|保单|保單"
        ),
        None,
    ),
    "phone": (
        re.compile(
            r"(?a)\b(?:tele)?phones?(?: number)?|\bmobile|\bcell(?:phone)?\b|\blandline|\b(?:call|ring|text|reach|phone) (?:me|us|you|him|her|them|back)"
            r"|\bcontact number|\bmy number|\byour number|\bbest number|\bdaytime number|\bwhatsapp|电话|電話|手机|手機|联系方式"
            r"|聯絡|座机|分机|回电|回電|微信"
        ),
        re.compile(r"(?a)\s*(?:is )?(?:my|our|his|her) (?:mobile|cell|phone|number|landline)"),
    ),
    "order": (
        re.compile(
            r"\border(?:s|ed)?\b(?: number)?|\breference|\bref\b|\bticket|\bcase\b|\bbooking|\breservation|\binvoice|\btracking"
            r"|\bparcel|\bshipment|\bconfirmation|\bmodel|\bserial|\bitem|\bproduct|\bversion|\barticle|\bsku\b|\bqueue"
            r"|\bextension|\bflight|\btrain\b|\broom\b|\bpage\b|订单|訂單|单号|單號|工单|工單|编号|編號|预订|預訂|发票|發票|型号|型號|序列号"
        ),
        re.compile(
            r"\s*(?:orders|items|pieces|units|points|miles|steps|tickets|days|minutes|hours|people)\b"
        ),
    ),
    "birth_date": (
        re.compile(
            r"\bdate of birth|\bd\.?\s?o\.?\s?b\b|\bbirth ?(?:date|day)|\bborn\b|\bwhen were you born|出生|生日|生于|生於"
        ),
        re.compile(r"\s*(?:出生|生日|生的|生人)"),
    ),
}

_UNIT = "one|two|three|four|five|six|seven|eight|nine"
_ORDINAL = (
    r"(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|\w{4,9}teenth|twentieth"
    r"|twenty[- ](?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)|thirtieth|thirty[- ]first)"
)
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_YEAR = (
    rf"(?P<year>(?:19|20)\d\d|(?:nineteen|twenty)[- ](?:oh[- ](?:{_UNIT})|(?:{_TENS})(?:[- ](?:{_UNIT}))?|\w{{3,5}}teen|ten|eleven|twelve)"
    rf"|nineteen hundred(?: and)?(?: (?:{_UNIT}|{_TENS}|ten))?|two thousand(?: and)?(?: (?:{_UNIT}|ten|eleven|twelve))?"
    rf"|['’]?\d\d|(?:{_TENS})(?:[- ](?:{_UNIT}))?)"
)
_DAY = rf"(?:\d{{1,2}}(?:st|nd|rd|th)?|{_ORDINAL}|(?:{_TENS})[- ](?:{_UNIT})|(?:{_UNIT}|ten|eleven|twelve|\w{{3,5}}teen))"
_HAN_NUMBER = r"[\d零〇一二三四五六七八九十]"
A_MONTH = re.compile(rf"\b{_MONTH}|月")
DATES = re.compile(
    rf"\b(?:the )?{_DAY} (?:of )?{_MONTH}(?:,? (?:of )?{_YEAR})?\b".replace("?P<year>", "?P<year1>")
    + rf"|\b{_MONTH} (?:the )?{_DAY}(?:,? {_YEAR})?\b".replace("?P<year>", "?P<year2>")
    + rf"|(?:(?P<year3>{_HAN_NUMBER}{{2,4}})\s?年\s?)?{_HAN_NUMBER}{{1,3}}\s?月\s?{_HAN_NUMBER}{{1,3}}\s?[日号號]"
)
# "The twelfth of the third, eighty five": no month has a name.
ORDINAL_DATE = re.compile(
    rf"\b(?:the )?{_DAY} (?:of )?the {_ORDINAL}(?:,? (?:of )?{_YEAR})?\b".replace("?P<year>", "?P<year4>")
)
NUMERIC_DATE = re.compile(
    r"(?<![\d.,])(?:\d{1,2}\s?[/.\-]\s?\d{1,2}\s?[/.\-]\s?(?P<year1>(?:19|20)\d\d|\d\d)"
    r"|(?P<year2>(?:19|20)\d\d)\s?[/.\-]\s?\d{1,2}\s?[/.\-]\s?\d{1,2})(?!\d)"
)

# Figures that stand for themselves: a time, a date, a sum with its pence, thousands, a range, a small number.
PLAIN_FIGURES = re.compile(
    r"\d{1,2}:\d{2}(?::\d{2})?(?:[ap]m)?|\d{1,4}[/.\-]\d{1,2}[/.\-]\d{1,4}|\d{1,3}(?:[,.]\d{3})+(?:\.\d{1,2})?|\d+[.,]\d{1,2}"
    r"|\d{1,2}[ap]m|(?:19|20)\d{2}[-–](?:19|20)?\d{2}"
)

_CLOCK = (
    rf"(?:{_UNIT}|ten|eleven|twelve)(?:[ -](?:o'clock|oh[ -](?:{_UNIT})|(?:{_TENS})(?:[ -](?:{_UNIT}))?|ten|\w{{3,5}}teen))?"
    r"(?: ?[ap]\.?m\b\.?)?"
)
# "Between ten thirty and twelve fifteen" is eight digits, and no number.
SPOKEN_TIMES = re.compile(rf"{_CLOCK}(?: (?:and|to|or|then) {_CLOCK}){{1,3}}")

# Put letter by letter, as postcodes, plates and passports are: letters and digits, each by itself.
SPELLED = re.compile(
    rf"(?<![\w'’])(?:(?:double |treble |triple )?(?:[a-z]|\d|oh|zero|{_UNIT})[ ,.\-]{{1,3}}){{4,24}}(?:[a-z]|\d|oh|zero|{_UNIT})(?![\w'’])"
)
# Written beside the digits of a number that has letters: "AB 12 34 56 C", "GB29 NWBK 6016".
LETTERS_BEFORE = re.compile(r"(?a)(?:\b[A-Z]{1,4}(?:[ -]?\d{1,4})?(?:[ -][A-Z]{1,4})?[ -]?)$")
LETTERS_BEHIND = re.compile(r"(?a)[ -]?[A-Z]{1,2}\b")

_WORD = r"[a-z0-9零〇一幺二三四五六七八九][a-z0-9'+%零〇一幺二三四五六七八九]{0,40}"
_JOINT = r"(?:\s*[._\-+]\s*|\s+(?:dot|point|underscore|under score|dash|hyphen|minus|plus)\s+|\s*(?:点|點|下划线|下劃線|杠|减号)\s*)"
_LETTER = r"(?:(?:\b[a-z0-9]|\bdouble [a-z]|\b(?:zero|one|two|three|four|five|six|seven|eight|nine))[\s,.\-]+){1,40}"
_SIGN = r"\s*@\s*|\s+at\s+(?:sign\s+)?|\s*(?:艾特|圈a|圈 a|小老鼠)\s*"
EMAIL_SIGN = re.compile(_SIGN)
_DOMAIN = (
    rf"(?:the\s+)?{_WORD}(?:{_JOINT}{_WORD}){{0,4}}"
    rf"(?:\s*\.\s*|\s+dot\s+|\s+point\s+|\s*(?:点|點)\s*)"
    rf"(?:com|org|net|edu|gov|info|biz|io|co|uk|cn|tw|hk|de|fr|eu|me|ie|au|ca|nz|in|us|[a-z]{{2}}|example|test|online|email)\b"
    rf"(?:(?:\s*\.\s*|\s+dot\s+|\s*(?:点|點)\s*)(?:uk|cn|tw|hk|au|nz|za|in|jp|sg)\b)?"
)
EMAIL_DOMAIN = re.compile(_DOMAIN, re.ASCII)
EMAIL = re.compile(
    # "doe 42 at": a number belongs to the word before it
    rf"(?P<local>(?:{_LETTER})?{_WORD}(?:(?:{_JOINT}|\s+(?=\d)){_WORD}){{0,6}})(?P<sign>{_SIGN}){_DOMAIN}",
    re.ASCII,
)
EMAIL_TOLD = re.compile(
    r"(?:\be-?mail(?: address)?(?: is|'s|:)|\baddress is|\bit's|\bthat's|邮箱是|郵箱是)\s*(?P<rest>(?:[\w'.\-]+\s+){0,3})$"
)
# "Look at example dot com" is a website.
LEFT_OF_AT = _words(
    "look looking looked order ordered shop meet is are was us book booked buy bought available visit online here up them"
    " it out me working work works find found go arrive see sign register support team office staff store"
)

_NAME = r"(?:[A-Z][\w'’\-]{1,30})(?:[ \t]+(?:(?:van|von|de|der|den|da|di|al|bin|la|le)[ \t]+){0,2}[A-Z][\w'’\-]{1,30}){0,3}"
NAMED = (
    re.compile(
        rf"(?i:\bmy (?:full |last |first |sur|maiden |middle )?name(?:'s| is)|\bname on the card is|\bi'm called|\bi am called"
        rf"|\bfull name:?|\b(?:wife|husband|son|daughter|mother|father|brother|sister|partner|boss|neighbou?r)(?:'s name is| is called)"
        rf"|\bname (?:of the account holder|on the account) is|\bunder the name(?: of)?|\bthe name is)[ \t]+(?P<name>{_NAME})"
    ),
    re.compile(
        rf"(?i:\b(?:this is|it's|speaking with|speaking to|am i speaking (?:to|with)))[ \t]+(?P<name>{_NAME})(?=[,.!?;\s]|$)"
    ),
    re.compile(
        r"(?:我叫|我的名字(?:是|叫)|我名叫|名字是|姓名是|本人|我是(?=[\u4e00-\u9fff]{2,3}[,，。、]))(?P<name>[\u4e00-\u9fff·]{2,4}?)(?=[,，。、!！?？\s,.]|$|的|吧|呢)"
    ),
    re.compile(r"(?:我姓|免贵姓|貴姓|贵姓)(?P<name>[\u4e00-\u9fff]{1,2})(?=[,，。、!！?？\s,.]|$)"),
    re.compile(
        r"(?i:\bfirst name|\bsurname|\blast name)(?i: is|:|'s)?[ \t]+(?P<name>(?:[A-Za-z][ \-,.]+){3,30}[A-Za-z]\b)"
    ),
)
TITLED = (
    re.compile(rf"\b(?:Mr|Mrs|Ms|Miss|Mx|Dr|Doctor|Prof|Professor|Sir|Madam)\.?[ \t]+(?P<name>{_NAME})"),
    re.compile(
        r"(?P<name>(?:欧阳|歐陽|司马|司馬|上官|诸葛|諸葛|[王李张張刘劉陈陳杨楊黄黃赵趙吴吳周徐孙孫马馬朱胡郭何高林罗羅郑鄭梁谢謝宋唐许許韩韓冯馮"
        r"邓鄧曹彭曾肖田董袁潘于蒋蔣蔡余杜叶葉程苏蘇魏吕呂丁任沈姚卢盧姜崔钟鍾谭譚陆陸汪范金石廖贾賈夏韦韋傅方白邹鄒孟熊秦邱江尹薛闫段雷侯龙龍史陶黎贺賀顾顧毛郝龚龔邵万萬钱錢严嚴覃武戴莫孔向汤湯])"
        r"[\u4e00-\u9fff]{0,2}?)(?:先生|女士|小姐|太太|同学)"
    ),
)
# Recognisers that write no capitals: only what cannot be anything else.
_NO_PART = (
    r"(?:and|but|or|from|i|i'm|calling|speaking|please|by|on|in|at|the|an?|not|spel(?:t|led)|with|here|so|it|it's|is|that|this"
    r"|my|your|his|her|you|we|they|what|why|who|when|where|how|of|for|to|just|also|well|ok|okay|um|uh|er|oh|thanks?|hi|hello"
    r"|yes|no|yeah|sure|right|if|do|can|could|one|moment|second|sorry|there|still|wrong|missing|different|misspel(?:t|led))"
)
_SMALL_NAME = (
    rf"(?:(?!{_NO_PART}\b)[a-z][a-z'’\-]{{1,30}})(?:[ \t]+(?!{_NO_PART}\b)[a-z][a-z'’\-]{{1,30}}){{0,2}}"
)
SMALL_NAMED = re.compile(
    rf"\b(?:my (?:full |last |first |sur|maiden )?name(?:'s| is)|(?:last name|surname|first name) is)[ \t]+(?P<name>{_SMALL_NAME})(?![\w'’])"
)
SMALL_NAME_ANSWERED = re.compile(
    rf"(?:(?:it's|it is|sure|yes|yeah|i'm|that's)[,.]?[ \t]+){{0,2}}(?P<name>{_SMALL_NAME})[.!]?$"
)
# A question after which a line begins with a name.
NAME_ASKED = re.compile(
    r"\b(?:full|first|last|sur|family|your|his|her|their|the)[ ]?names?\b|\bname,? please|\bwho am i (?:speaking|talking)"
    r"|\bwho(?:'s| is) (?:calling|speaking)|姓名|名字|贵姓|貴姓|怎么称呼|怎麼稱呼"
)
NAME_ANSWERED = (
    re.compile(
        rf"(?:(?i:it's|it is|sure|yes|yeah|of course|okay|certainly|i'm|i am|that's)[,.]?[ \t]+){{0,3}}(?P<name>{_NAME})"
    ),
    re.compile(r"(?:我是|叫|是|嗯)?[,，]?(?P<name>[\u4e00-\u9fff·]{2,4})(?=$|[,，。.!！])"),
)
# What begins with a capital and follows "this is" without being a name.
NO_NAMES = _words(
    "mr mrs ms miss mx dr doctor prof professor sir madam "
    "i the a an my your our it this that not very so just about monday tuesday wednesday thursday friday saturday sunday"
    " january february march april may june july august september october november december english chinese ok okay"
)

NO_ANSWERS = _words(
    "oh well yes no sure thank thanks hello hi hey good why what which who sorry there here one okay right and but"
    " certainly course absolutely maybe nothing nobody never anonymous hold"
    " 好的 没有 不是 不用 可以 什么 为什么 请问 您好 你好 谢谢"
)

_STREET = (
    r"(?:Street|Str|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Close|Way|Court|Ct|Place|Pl|Square|Sq|Crescent|Terrace|Gardens"
    r"|Grove|Boulevard|Blvd|Parkway|Highway|Mews|Row|Hill|Walk|Green|Park|Quay|Alley)"
)
_HOUSE = (
    r"(?:\d{1,5}[A-Za-z]?|(?i:(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w{3,5}teen|twenty|thirty|forty"
    r"|fifty|sixty|seventy|eighty|ninety|hundred|and)(?:[ \-]+(?:one|two|three|four|five|six|seven|eight|nine|hundred|and|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)){0,5}))"
)
ADDRESSES = (
    re.compile(
        rf"(?P<what>\b(?:(?i:flat|apartment|apt|unit|suite)\.?[ \t]+\w{{1,8}},?[ \t]+)?{_HOUSE},?[ \t]+(?:[A-Z][\w'’]*[ \t]+){{1,4}}{_STREET}\b\.?"
        r"(?:,?[ \t]+(?:(?i:flat|apartment|apt|unit|suite)[ \t]+\w{1,8}))?(?:,[ \t]+[A-Z][\w'’]+(?:[ \t]+[A-Z][\w'’]+)?){0,2})"
    ),
    re.compile(
        rf"(?i:(?P<what>\b{_HOUSE}[ \t]+(?:[a-z'’]+[ \t]+){{1,3}}(?:street|road|avenue|lane|crescent|boulevard|terrace)\b))"
    ),
    re.compile(
        r"(?i:\b(?:i live (?:at|in|on)|my (?:home |postal |delivery |billing )?address is|the (?:delivery |billing )?address is"
        r"|live at|send it to|deliver(?:ed)? to|post ?code is|zip(?: code)? is))[ \t]+(?P<what>\S+(?:[ \t]+[^\s.!?]+){0,9})"
    ),
    re.compile(
        r"(?P<what>\b(?:GIR ?0AA|[A-PR-UWYZa-pr-uwyz](?:\d{1,2}|[A-HK-Ya-hk-y]\d|[A-HK-Ya-hk-y]\d\d|\d[A-HJKS-UWa-hjks-uw]|[A-HK-Ya-hk-y]\d[ABEHMNPRV-Yabehmnprv-y]) ?\d[ABD-HJLNP-UW-Zabd-hjlnp-uw-z]{2})\b)"
    ),
    re.compile(r"(?P<what>\b[A-Z]{2},?[ \t]+\d{5}(?:-\d{4})?\b)"),
    re.compile(r"(?P<what>\b(?i:p\.?o\.? box)[ \t]+\d{1,8}\b)"),
    re.compile(
        r"(?P<what>(?:[\u4e00-\u9fff]{2,8}(?:省|市|自治区))?(?:[\u4e00-\u9fff]{1,8}(?:市|区|區|县|縣|镇|鎮|乡|鄉)){0,2}[\u4e00-\u9fff]{1,10}"
        r"(?:路|街|道|巷|弄|胡同|大道)[\u4e00-\u9fff]{0,2}?[\d零〇一二三四五六七八九十百]{1,6}\s?[号號弄](?:[\d\w\u4e00-\u9fff]{0,12}?(?:室|楼|樓|单元|單元|栋|棟|层|層))*)"
    ),
    re.compile(
        r"(?:我住在|我家住|住址是|地址是|邮编是|邮编：|地址：|地址:|住在|我住)(?P<what>[^,，。.!！?？\n]{3,40})"
    ),
)
IN_AN_ADDRESS = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w{3,5}teen|twenty|thirty|forty|fifty|sixty|seventy"
    r"|eighty|ninety|hundred|road|street|avenue|lane)\b|[路街道巷弄号號区區]"
)

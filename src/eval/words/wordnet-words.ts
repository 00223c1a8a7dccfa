/**
 * What decides whether a token is a word of CHAIR once it is lemmatised: facts of WordNet 3.0 (Copyright 2006
 * by Princeton University, all rights reserved; https://wordnet.princeton.edu/license-and-commercial-use).
 */
/** Words of CHAIR that WordNet does not have as nouns; it has all others. */
export const NO_WORDNET_NOUNS: string = `
biker bluejay brindle children coworker firetruck glas hairdryer hot iphone knive lenovo longboard
macbook netbook paddleboat pitbull potted riverboat sailboard shortboard skimboard skis smartphone
solider sports stovetop teddybear televison
`;
/** Other nouns that a form of CHAIR's words may be: "vases" could be more than one "vas". */
export const OTHER_WORDNET_NOUNS: string = `
airs bowls buss clocks cows glasses men peoples seats sport stops taxis vas
`;
/** Verbs among CHAIR's words, and others that have a form with one of them in common ("kited": kit, kite). */
export const WORDNET_VERBS: string = `
air automobile baby backpack ball barge bat bate bear bed bench bicycle bike bird boat book bore bottle
bow bowl buffalo bull bulldog bus buss cab cake canoe case cat chair clock cocker cop cope couch cow crow
cub cube cup cycle din dine doctor dog duck falcon father ferry fire foal fork fowl glass goose groom gull
guy home horse hound jet kayak kid kit kite kitten knife lamb light man meter microwave monitor mop mope
mother motor motorbike motorboat motorcycle mouse officer park parrot people phone plan plane plant plat
plate pot pup purse quail racket ram raven sandwich scissor seaplane seat ship sign signal sink skateboard
ski sky snowboard soldier spoon sport stave stool stop sub suit surfboard swan table taxi telephone tie top
tope track traffic train truck unicycle win wine yacht
`;
/** Irregular plurals, each with its noun. */
export const WORDNET_PLURALS: string = `
buffaloes buffalo, busses bus, calves calf, children child, flamingoes flamingo, geese goose,
grandchildren grandchild, knives knife, men man, mice mouse, oxen ox, pocketknives pocketknife,
taxies taxi, thieves thief
`;
/** Irregular forms of verbs, each with its verb. */
export const WORDNET_VERB_FORMS: string = `
babied baby, batted bat, batting bat, bedded bed, bedding bed, bore bear, born bear, borne bear,
bulldogging bulldog, catted cat, catting cat, copped cop, copping cop, cubbed cub, cubbing cub,
cupped cup, cupping cup, dogged dog, dogging dog, ferried ferry, jetted jet, jetting jet, kidded kid,
kidding kid, lit light, manned man, manning man, pupped pup, pupping pup, rammed ram, ramming ram,
sank sink, shipped ship, shipping ship, signalled signal, signalling signal, stopped stop, stopping stop,
subbed sub, subbing sub, sunk sink, sunken sink, taxying taxi, topped top, topping top,
trafficked traffic, trafficking traffic, tying tie
`;

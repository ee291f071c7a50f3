// What the widget says, by language. A language without words of its own gets English.

const en = {
  label: "Ask a question",
  title: "Ask a question",
  greeting:
    "Ask in your own words. Every sentence of an answer has a footnote that opens the text it rests on.",
  placeholder: "Your question",
  question: "Your question",
  send: "Send",
  stop: "Stop",
  close: "Close",
  restart: "Start over",
  conversation: "Conversation",
  asked: "You asked",
  answered: "Answer",
  searching: "Searching the sources",
  reading: (passages, documents) =>
    `Reading ${passages === 1 ? "one passage" : `${passages} passages`} from ${documents === 1 ? "one document" : `${documents} documents`}`,
  checking: "Checking the next sentence",
  nothing: "Nothing fits the question",
  footnote: (number, title) => `Footnote ${number}: ${title}`,
  footnoteOf: (at, count) => `Footnote ${at} of ${count}`,
  passageOf: (at, count) => `Passage ${at} of ${count}`,
  back: "Back to the answer",
  previous: "Previous",
  next: "Next",
  page: (first, last) => (first === last ? `Page ${first}` : `Pages ${first} to ${last}`),
  quoted: "The source, word for word",
  transcribed: "read off a picture by a model",
  untitled: "Untitled document",
  sources: "Sources",
  nearest: "Nearest passages",
  verdicts: {
    supported: "Supported by its source",
    partial: "Partly supported",
    unsupported: "No source found",
    contradicted: "The source says otherwise",
  },
  checked: (count) =>
    count === 1 ? "Checked against its source" : `All ${count} sentences checked against their sources`,
  someChecked: (good, count) => `${good} of ${count} sentences are carried by a source`,
  levels: {
    high: "High confidence",
    medium: "Medium confidence",
    low: "Low confidence: better check the sources",
  },
  abstained: "The sources do not answer this.",
  disagrees: "Other sources disagree",
  finished: (count) =>
    count === 1
      ? "The answer is complete, with one footnote."
      : `The answer is complete, with ${count} footnotes.`,
  rating: "Was this helpful?",
  yes: "Yes, helpful",
  no: "No, not helpful",
  comment: "What was missing or wrong? (optional)",
  sendComment: "Send comment",
  thanks: "Thank you.",
  followUps: "You could go on with",
  again: "Try again",
  unfinished: "This answer is unfinished: its end is missing.",
  stopped: "You stopped this answer.",
  troubles: {
    refused: "This assistant is not available on this page.",
    unknown: "This assistant has nothing to read yet.",
    tooLong: "The question is too long. Please shorten it.",
    tooMany: (wait) => `Too many questions at once. Please try again in ${wait}.`,
    quota: "The questions for today are used up. Please try again tomorrow.",
    busy: "The assistant is busy. Please try again in a moment.",
    slow: "The answer took too long. Please try again.",
    changed: "The sources changed while the answer was written. Please ask again.",
    unreachable: "The assistant cannot be reached. Please check your connection and try again.",
    broken: "The answer broke off. Please ask again.",
    other: "Something went wrong. Please try again.",
  },
  seconds: (count) => (count === 1 ? "one second" : `${count} seconds`),
  minutes: (count) => (count === 1 ? "one minute" : `${count} minutes`),
};

const de = {
  label: "Frage stellen",
  title: "Frage stellen",
  greeting:
    "Fragen Sie in eigenen Worten. Jeder Satz einer Antwort hat eine Fußnote, die den Text öffnet, auf dem er beruht.",
  placeholder: "Ihre Frage",
  question: "Ihre Frage",
  send: "Senden",
  stop: "Anhalten",
  close: "Schließen",
  restart: "Neu beginnen",
  conversation: "Gespräch",
  asked: "Ihre Frage",
  answered: "Antwort",
  searching: "Die Quellen werden durchsucht",
  reading: (passages, documents) =>
    `${passages === 1 ? "Eine Stelle" : `${passages} Stellen`} aus ${documents === 1 ? "einem Dokument" : `${documents} Dokumenten`} ${passages === 1 ? "wird" : "werden"} gelesen`,
  checking: "Der nächste Satz wird geprüft",
  nothing: "Nichts passt zur Frage",
  footnote: (number, title) => `Fußnote ${number}: ${title}`,
  footnoteOf: (at, count) => `Fußnote ${at} von ${count}`,
  passageOf: (at, count) => `Stelle ${at} von ${count}`,
  back: "Zurück zur Antwort",
  previous: "Vorherige",
  next: "Nächste",
  page: (first, last) => (first === last ? `Seite ${first}` : `Seiten ${first} bis ${last}`),
  quoted: "Die Quelle im Wortlaut",
  transcribed: "von einem Modell aus einem Bild gelesen",
  untitled: "Dokument ohne Titel",
  sources: "Quellen",
  nearest: "Am nächsten kommende Stellen",
  verdicts: {
    supported: "Von der Quelle gestützt",
    partial: "Nur teilweise gestützt",
    unsupported: "Keine Quelle gefunden",
    contradicted: "Die Quelle sagt etwas anderes",
  },
  checked: (count) =>
    count === 1 ? "An der Quelle geprüft" : `Alle ${count} Sätze an ihren Quellen geprüft`,
  someChecked: (good, count) => `${good} von ${count} Sätzen sind durch eine Quelle gestützt`,
  levels: {
    high: "Hohe Sicherheit",
    medium: "Mittlere Sicherheit",
    low: "Geringe Sicherheit: bitte die Quellen prüfen",
  },
  abstained: "Die Quellen beantworten das nicht.",
  disagrees: "Andere Quellen widersprechen",
  finished: (count) =>
    count === 1
      ? "Die Antwort ist vollständig, mit einer Fußnote."
      : `Die Antwort ist vollständig, mit ${count} Fußnoten.`,
  rating: "War das hilfreich?",
  yes: "Ja, hilfreich",
  no: "Nein, nicht hilfreich",
  comment: "Was fehlte oder war falsch? (freiwillig)",
  sendComment: "Kommentar senden",
  thanks: "Vielen Dank.",
  followUps: "So könnte es weitergehen",
  again: "Noch einmal",
  unfinished: "Diese Antwort ist unvollständig: Ihr Ende fehlt.",
  stopped: "Sie haben diese Antwort angehalten.",
  troubles: {
    refused: "Dieser Assistent ist auf dieser Seite nicht verfügbar.",
    unknown: "Dieser Assistent hat noch nichts zu lesen.",
    tooLong: "Die Frage ist zu lang. Bitte kürzen Sie sie.",
    tooMany: (wait) => `Zu viele Fragen auf einmal. Bitte versuchen Sie es in ${wait} wieder.`,
    quota: "Die Fragen für heute sind aufgebraucht. Bitte versuchen Sie es morgen wieder.",
    busy: "Der Assistent ist ausgelastet. Bitte versuchen Sie es gleich noch einmal.",
    slow: "Die Antwort hat zu lange gedauert. Bitte versuchen Sie es noch einmal.",
    changed: "Die Quellen haben sich geändert, während die Antwort entstand. Bitte fragen Sie noch einmal.",
    unreachable:
      "Der Assistent ist nicht erreichbar. Bitte prüfen Sie die Verbindung und versuchen Sie es noch einmal.",
    broken: "Die Antwort ist abgebrochen. Bitte fragen Sie noch einmal.",
    other: "Etwas ist schiefgegangen. Bitte versuchen Sie es noch einmal.",
  },
  seconds: (count) => (count === 1 ? "einer Sekunde" : `${count} Sekunden`),
  minutes: (count) => (count === 1 ? "einer Minute" : `${count} Minuten`),
};

const LANGUAGES = { en, de };

/** The words for a language tag such as `de-CH`, and the language that they are in. */
export function wordsFor(tag) {
  const primary = tag.toLowerCase().split(/[-_]/)[0];
  const language = primary in LANGUAGES ? primary : "en";
  return { language, words: LANGUAGES[language] };
}

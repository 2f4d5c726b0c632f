namespace DistSgd.Learning.Csv;

/// <summary>Where records end in text whose quoted fields may hold line ends.</summary>
internal static class RecordEnds
{
    /// <summary>Behind the last line feed that stands outside quotes; 0 if there is none.</summary>
    /// <param name="text">Begins with a record.</param>
    /// <param name="separator">Between fields.</param>
    public static int Last(ReadOnlySpan<byte> text, byte separator)
    {
        int last = 0;
        for (int at = 0; ;)
        {
            int quote = text[at..].IndexOf((byte)'"');
            int end = quote < 0 ? text.Length : at + quote;
            int feed = text[at..end].LastIndexOf((byte)'\n');
            if (feed >= 0) last = at + feed + 1;
            if (quote < 0) return last;
            at = end + 1;
            if (!OpensField(text[..end], separator)) continue;
            int close = Close(text, at);
            if (close < 0) return last;
            at = close + 1;
        }
    }

    // A quote means something at a field's beginning only.
    private static bool OpensField(ReadOnlySpan<byte> before, byte separator)
    {
        int i = before.Length - 1;
        while (i >= 0 && (before[i] == ' ' || (before[i] == '\t' && separator != '\t'))) i--;
        return i < 0 || before[i] == separator || before[i] == '\n';
    }

    private static int Close(ReadOnlySpan<byte> text, int at)
    {
        while (true)
        {
            int length = text[at..].IndexOf((byte)'"');
            if (length < 0) return -1;
            at += length;
            if (at + 1 >= text.Length || text[at + 1] != '"') return at;
            at += 2;
        }
    }
}

namespace DistSgd.Learning.Data;

/// <summary>The beginning of a file's (decompressed) text: what its format and layout are found out from.</summary>
internal static class TextSample
{
    private const int BytesMax = 1 << 18;

    /// <summary>The first lines, whole, at most 256 KiB; a byte order mark is left out. A last line without a line feed is given one.</summary>
    /// <exception cref="DatasetException">The gzip data is damaged.</exception>
    public static byte[] Read(SourceFile source) => Read(source, out _);

    /// <summary>The same, and the bytes of the mark.</summary>
    public static byte[] Read(SourceFile source, out int markBytes)
    {
        byte[] text = new byte[BytesMax + 1];
        int filled;
        try
        {
            using Stream stream = source.OpenText();
            filled = stream.ReadAtLeast(text.AsSpan(0, BytesMax), BytesMax, throwOnEndOfStream: false);
        }
        catch (Exception damaged) when (damaged is IOException or InvalidDataException)
        {
            throw new DatasetException(source.Path, $"the gzip data is truncated or damaged ({damaged.Message}). Copy or compress the file again.", damaged);
        }
        int end = filled;
        if (filled < BytesMax)
        {
            if (filled > 0 && text[filled - 1] != '\n') text[end++] = (byte)'\n';
        }
        else
        {
            end = text.AsSpan(0, filled).LastIndexOf((byte)'\n') + 1;
        }
        markBytes = text.AsSpan().StartsWith("\uFEFF"u8) ? 3 : 0;
        return text[markBytes..end];
    }
}

namespace DistSgd.Learning.Data;

/// <summary>Finds the number of a line from its offset; only errors need it, so it reads the source again.</summary>
internal static class LineNumber
{
    private const int BufferBytes = 1 << 16;

    /// <summary>The error that names the line at fault.</summary>
    /// <exception cref="DatasetException">The file has changed since.</exception>
    public static DatasetFormatException Explain(SourceFile source, LineFaultException fault)
    {
        source.CheckUnchanged();
        return new DatasetFormatException(source.Path, Of(source, fault.LineOffset), fault.Fault.At + 1, fault.Fault.Problem);
    }

    /// <summary>The number, from 1, of the line that starts at <paramref name="lineOffset"/> of the (decompressed) source.</summary>
    public static long Of(SourceFile source, long lineOffset)
    {
        using Stream text = source.OpenText();
        byte[] buffer = new byte[BufferBytes];
        long line = 1;
        while (lineOffset > 0)
        {
            int read = text.Read(buffer, 0, (int)Math.Min(buffer.Length, lineOffset));
            if (read == 0) break;
            line += buffer.AsSpan(0, read).Count((byte)'\n');
            lineOffset -= read;
        }
        return line;
    }
}

using Microsoft.Win32.SafeHandles;

namespace DistSgd.Learning.Data;

/// <summary>Reads the lines that start in a byte range of a plain file, block after block into one buffer. One thread's.</summary>
internal sealed class PlainText(SafeFileHandle file, string path, long fileBytes, ReadOptions options)
{
    /// <summary>No line may be longer.</summary>
    public const int LineBytesMax = 48 << 20;

    private const int TailBytes = 4096;
    private const int Padding = TextRows.PaddingBytes;

    private byte[] _buffer = GC.AllocateUninitializedArray<byte>(options.BlockBytes + (2 * Padding) + 1);

    // One byte is kept for the line feed that a file's last line may lack.
    private int RoomBytes => _buffer.Length - (2 * Padding) - 1;

    /// <summary>Parses the lines whose first byte lies in [<paramref name="start"/>, <paramref name="end"/>).</summary>
    /// <exception cref="DatasetException">The file became shorter, or a line is too long.</exception>
    /// <exception cref="LineFaultException">A line is malformed.</exception>
    public void Parse(long start, long end, TextRows rows)
    {
        // The byte before the range tells whether a line starts at it.
        long next = Math.Max(0, start - 1);
        bool skipping = start > 0;
        int kept = 0;
        while (next < fileBytes || kept > 0)
        {
            options.CancellationToken.ThrowIfCancellationRequested();
            if (kept == RoomBytes) Grow();
            // Not far beyond the range: what follows its last line is another's.
            long ahead = Math.Min(fileBytes - next, Math.Max(end - next, TailBytes));
            int wanted = (int)Math.Min(RoomBytes - kept, ahead);
            Fill(Padding + kept, wanted, next);
            next += wanted;
            int filled = Padding + kept + wanted;
            long textOffset = next - filled;
            if (next == fileBytes && _buffer[filled - 1] != '\n') _buffer[filled++] = (byte)'\n';

            int from = Padding;
            if (skipping)
            {
                int skip = _buffer.AsSpan(Padding, filled - Padding).IndexOf((byte)'\n') + 1;
                if (skip == 0)
                {
                    kept = 0;
                    if (next >= end) return;
                    continue;
                }
                skipping = false;
                from += skip;
            }
            if (textOffset + from >= end) return;

            int to = LinesEnd(from, filled, end - textOffset, out bool isLast);
            if (to > from) rows.Parse(_buffer, from, to, textOffset);
            if (isLast) return;
            kept = filled - to;
            if (next == fileBytes && kept == 0) return;
            _buffer.AsSpan(to, kept).CopyTo(_buffer.AsSpan(Padding));
        }
    }

    /// <summary>Behind the last line feed that may be parsed now; it is the last of the range if the range's last byte lies before it.</summary>
    private int LinesEnd(int from, int filled, long rangeEnd, out bool isLast)
    {
        isLast = false;
        if (rangeEnd <= filled)
        {
            int lastByte = (int)Math.Max(rangeEnd - 1, from);
            int feed = _buffer.AsSpan(lastByte, filled - lastByte).IndexOf((byte)'\n');
            isLast = feed >= 0;
            if (isLast) return lastByte + feed + 1;
        }
        return from + _buffer.AsSpan(from, filled - from).LastIndexOf((byte)'\n') + 1;
    }

    private void Fill(int at, int count, long offset)
    {
        while (count > 0)
        {
            int read = RandomAccess.Read(file, _buffer.AsSpan(at, count), offset);
            if (read == 0)
                throw new DatasetException(path, $"the file became shorter while it was read: it had {fileBytes} bytes, and now ends at byte {offset}. Read it again when nothing writes to it.");
            at += read;
            count -= read;
            offset += read;
        }
    }

    private void Grow()
    {
        if (RoomBytes >= LineBytesMax) throw new DatasetException(path, $"a line is longer than {LineBytesMax} bytes; is this a file of text?");
        Array.Resize(ref _buffer, _buffer.Length * 2);
    }
}

using System.Collections.Concurrent;

namespace DistSgd.Learning.Data;

/// <summary>
/// Reads a file from its beginning to its end, on a thread of its own, while the calling thread parses: gzip (of one or more members), and text that can't be begun in its middle. Parsing is
/// several times faster than inflating, so one parsing thread suffices. Between them goes a ring of <see cref="RingBlocks"/> blocks of whole lines.
/// </summary>
internal sealed class StreamParse
{
    private const int RingBlocks = 4;
    private const int Padding = TextRows.PaddingBytes;

    private readonly SourceFile _source;
    private readonly BlockingCollection<Block> _free = new(RingBlocks);
    private readonly BlockingCollection<Block> _filled = new(RingBlocks);
    private readonly CancellationToken _given;
    private readonly CancellationTokenSource _stop;
    private readonly int _blockBytes;
    private readonly Func<ReadOnlySpan<byte>, int> _wholeLines;
    private long _inflated; // the inflating thread's; read after it was joined
    private Exception? _failure; // the inflating thread's; read after _filled was completed

    private StreamParse(SourceFile source, ReadOptions options, Func<ReadOnlySpan<byte>, int> wholeLines)
    {
        _wholeLines = wholeLines;
        _source = source;
        _blockBytes = options.BlockBytes;
        _given = options.CancellationToken;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(_given);
        for (int i = 0; i < RingBlocks; i++) _free.Add(new Block());
    }

    /// <summary>Whole lines at the beginning of a text: the bytes up to and with its last line feed.</summary>
    public static int Lines(ReadOnlySpan<byte> text) => text.LastIndexOf((byte)'\n') + 1;

    /// <param name="source">The file.</param>
    /// <param name="options">How to read it.</param>
    /// <param name="wholeLines">How many bytes at the beginning of a text can be parsed by themselves; 0: none.</param>
    /// <param name="rows">Parses them.</param>
    /// <exception cref="LineFaultException">A line is malformed.</exception>
    /// <exception cref="DatasetException">The gzip data is damaged or truncated, or a line is too long.</exception>
    public static ParsedText Run(SourceFile source, ReadOptions options, Func<ReadOnlySpan<byte>, int> wholeLines, TextRows rows) => new StreamParse(source, options, wholeLines).Run(rows);

    private ParsedText Run(TextRows rows)
    {
        var inflater = new Thread(Inflate) { IsBackground = true, Name = "inflate" };
        inflater.Start();
        try
        {
            foreach (var block in _filled.GetConsumingEnumerable(_given))
            {
                rows.Parse(block.Text, Padding, block.End, block.Offset - Padding);
                _free.Add(block);
            }
            // The inflating thread ends quietly too when the reading is given up.
            _given.ThrowIfCancellationRequested();
            if (_failure is not null) throw Explain(_failure);
            rows.End();
        }
        catch
        {
            rows.Dispose();
            throw;
        }
        finally
        {
            _stop.Cancel();
            inflater.Join();
            _free.Dispose();
            _filled.Dispose();
            _stop.Dispose();
        }
        return new ParsedText([rows], _inflated);
    }

    private void Inflate()
    {
        try
        {
            using Stream text = _source.OpenText();
            byte[] carry = [];
            bool more = true;
            while (more)
            {
                var block = _free.Take(_stop.Token);
                block.Offset = _inflated - carry.Length;
                more = Fill(text, block, ref carry);
                if (block.End > Padding) _filled.Add(block, _stop.Token);
                else _free.Add(block, _stop.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // The parsing thread has given up and says why.
        }
        catch (Exception error)
        {
            _failure = error;
        }
        finally
        {
            _filled.CompleteAdding();
        }
    }

    /// <summary>Fills a block with the carried beginning of a line and more text up to a line's end; carries what follows. False: the text is at its end.</summary>
    private bool Fill(Stream text, Block block, ref byte[] carry)
    {
        block.Reserve(Math.Max(_blockBytes, carry.Length * 2));
        carry.CopyTo(block.Text, Padding);
        int filled = Padding + carry.Length;
        while (true)
        {
            int read = text.ReadAtLeast(block.Text.AsSpan(filled, block.RoomEnd - filled), block.RoomEnd - filled, throwOnEndOfStream: false);
            _inflated += read;
            filled += read;
            if (filled < block.RoomEnd)
            {
                carry = [];
                if (filled > Padding && block.Text[filled - 1] != '\n') block.Text[filled++] = (byte)'\n';
                block.End = filled;
                return false;
            }
            int end = _wholeLines(block.Text.AsSpan(Padding, filled - Padding)) + Padding;
            if (end > Padding)
            {
                carry = block.Text.AsSpan(end, filled - end).ToArray();
                block.End = end;
                return true;
            }
            if (filled > PlainText.LineBytesMax) throw new DatasetException(_source.Path, $"a line is longer than {PlainText.LineBytesMax} bytes; is this a file of text?");
            block.Reserve((filled - Padding) * 2);
        }
    }

    private DatasetException Explain(Exception failure) => failure as DatasetException
        ?? (_source.IsGzip
            ? new DatasetException(_source.Path, $"the gzip data is truncated or damaged, noticed after {_inflated} bytes of text ({failure.Message}). Copy or compress the file again.", failure)
            : new DatasetException(_source.Path, $"the file cannot be read: {failure.Message}", failure));

    /// <summary>Whole lines of text, with padding on both sides.</summary>
    private sealed class Block
    {
        public byte[] Text { get; private set; } = [];

        public long Offset { get; set; }

        public int End { get; set; }

        // One byte is kept for the line feed that the last line may lack.
        public int RoomEnd => Text.Length - Padding - 1;

        public void Reserve(int bytes)
        {
            if (RoomEnd - Padding >= bytes) return;
            byte[] larger = GC.AllocateUninitializedArray<byte>(bytes + (2 * Padding) + 1);
            Text.CopyTo(larger, 0);
            Text = larger;
        }
    }
}

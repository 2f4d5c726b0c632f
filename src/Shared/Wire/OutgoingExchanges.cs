using System.Text;
using DistSgd.Shared.Exchange;
using Grpc.Core;

namespace DistSgd.Shared.Wire;

/// <summary>Keys of one piece of an exchange: some places of a key set.</summary>
/// <param name="Keys">The key set; null where there is nothing to push or pull.</param>
/// <param name="Start">First place.</param>
/// <param name="Count">Number of places.</param>
/// <param name="Set">The number under which the stream's server keeps the list; 0 for none.</param>
/// <param name="IsListed">Whether a list is sent; false where the server has it already, and for ranges.</param>
internal readonly record struct PieceKeys(KeySet? Keys, int Start, int Count, uint Set, bool IsListed)
{
    /// <summary>The keys as a list; empty where they are a range.</summary>
    public ReadOnlySpan<uint> List => Keys is null or { IsRange: true } ? [] : Keys.Keys.Slice(Start, Count);

    /// <summary>First key of a range relative to the shard's first; 0 for a list.</summary>
    public ulong First(long shardFirst) => Keys is { IsRange: true } && Count > 0 ? (ulong)(Keys.First + Start - shardFirst) : 0;
}

/// <summary>StreamExchange of <c>parameters.proto</c> on its way out: refers to the caller's keys and values.</summary>
internal struct ExchangePiece
{
    public ulong Id;
    public int Shard;
    public long ShardFirst;
    public PieceKeys PushKeys;
    public PushHeader Push;
    public ReadOnlyMemory<float> Values;
    public PieceKeys PullKeys;
    public PullPart Part;
}

/// <summary>
/// ClientFrames of <c>parameters.proto</c> on its way out: a hello, or exchanges whose values are written straight into the transport's
/// buffers. Used again for message after message, one at a time.
/// </summary>
internal sealed class OutgoingExchanges
{
    private readonly List<ExchangePiece> _pieces = [];
    private readonly List<Sizes> _sizes = [];
    private HelloFrame? _hello;
    private byte[] _coded = [];
    private int _codedBytes;

    /// <summary>Number of exchanges.</summary>
    public int Count => _pieces.Count;

    /// <summary>Bytes of the message, once it has been written.</summary>
    public int Length { get; private set; }

    /// <summary>True once it has been written: the caller's keys and values are no longer read.</summary>
    public bool IsWritten { get; private set; }

    /// <summary>Makes it a hello.</summary>
    public void SetHello(in HelloFrame hello)
    {
        Clear();
        _hello = hello;
    }

    /// <summary>Makes it empty.</summary>
    public void Clear()
    {
        _pieces.Clear();
        _hello = null;
        IsWritten = false;
    }

    /// <summary>Appends an exchange.</summary>
    public void Add(in ExchangePiece piece) => _pieces.Add(piece);

    /// <summary>Writes the message.</summary>
    public static void Serialize(OutgoingExchanges message, SerializationContext context)
    {
        message.Length = message.Measure();
        context.SetPayloadLength(message.Length);
        message.Write(new WireWriter(context.GetBufferWriter()));
        context.Complete();
        message.IsWritten = true;
    }

    private int Measure()
    {
        _sizes.Clear();
        _codedBytes = 0;
        if (_hello is { } hello)
            return WireWriter.SizeOfMessage(WireWriter.SizeOfMessage(SizeOf(hello)));
        int total = 0;
        foreach (ref readonly ExchangePiece piece in System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_pieces))
        {
            Sizes sizes = Measure(piece);
            _sizes.Add(sizes);
            total = checked(total + WireWriter.SizeOfMessage(WireWriter.SizeOfMessage(sizes.Exchange)));
        }
        return total;
    }

    private Sizes Measure(in ExchangePiece piece)
    {
        var sizes = new Sizes();
        int exchange = WireWriter.SizeOfField(piece.Id) + WireWriter.SizeOfField((ulong)piece.Shard);
        if (piece.PushKeys.Keys is not null)
        {
            PushHeader push = piece.Push;
            sizes.Name = WireWriter.SizeOfFixed(push.Name.Source == 0) + WireWriter.SizeOfField(push.Name.Sequence);
            (sizes.PushKeys, sizes.PushCoded) = MeasureKeys(piece.PushKeys, piece.ShardFirst);
            sizes.Push = checked(WireWriter.SizeOfMessage(sizes.Name) + 2 + WireWriter.SizeOfField((ulong)push.Step) + WireWriter.SizeOfFixed(push.RateSum == 0)
                + WireWriter.SizeOfField((ulong)push.ReadVersion) + WireWriter.SizeOfMessage(sizes.PushKeys) + WireWriter.SizeOfBytes(piece.Values.Length * sizeof(float))
                + WireWriter.SizeOfField((ulong)push.Part) + WireWriter.SizeOfField((ulong)push.Parts));
            exchange = checked(exchange + WireWriter.SizeOfMessage(sizes.Push));
        }
        if (piece.PullKeys.Keys is not null)
        {
            (sizes.PullKeys, sizes.PullCoded) = MeasureKeys(piece.PullKeys, piece.ShardFirst);
            sizes.Pull = checked(WireWriter.SizeOfMessage(sizes.PullKeys) + 2);
            exchange = checked(exchange + WireWriter.SizeOfMessage(sizes.Pull));
        }
        sizes.Exchange = exchange;
        return sizes;
    }

    private (int Size, WirePart Coded) MeasureKeys(in PieceKeys keys, long shardFirst)
    {
        var coded = new WirePart(_codedBytes, 0);
        ReadOnlySpan<uint> list = keys.List;
        if (keys.IsListed)
        {
            int needed = checked(_codedBytes + KeyCoding.BytesMax(list.Length));
            if (needed > _coded.Length)
                Array.Resize(ref _coded, (int)Math.Min(Array.MaxLength, Math.Max(needed, 2L * _coded.Length)));
            coded = new WirePart(_codedBytes, KeyCoding.Encode(list, (uint)shardFirst, _coded.AsSpan(_codedBytes)));
            _codedBytes = coded.End;
        }
        int size = WireWriter.SizeOfField(keys.First(shardFirst)) + WireWriter.SizeOfField((ulong)keys.Count)
            + WireWriter.SizeOfBytes(coded.Length) + WireWriter.SizeOfField(keys.Set);
        return (size, coded);
    }

    private void Write(WireWriter writer)
    {
        if (_hello is { } hello)
            Write(writer, hello);
        for (int i = 0; i < _pieces.Count; i++)
            Write(writer, _pieces[i], _sizes[i]);
    }

    private void Write(WireWriter writer, in ExchangePiece piece, in Sizes sizes)
    {
        writer.BeginMessage(1, WireWriter.SizeOfMessage(sizes.Exchange));
        writer.BeginMessage(2, sizes.Exchange);
        writer.Field(1, piece.Id);
        writer.Field(2, (ulong)piece.Shard);
        if (piece.PushKeys.Keys is not null)
        {
            PushHeader push = piece.Push;
            writer.BeginMessage(3, sizes.Push);
            writer.BeginMessage(1, sizes.Name);
            writer.Fixed64(1, push.Name.Source);
            writer.Field(2, push.Name.Sequence);
            writer.Field(2, (ulong)push.Kind + 1);
            writer.Field(3, (ulong)push.Step);
            writer.Double(4, push.RateSum);
            writer.Field(5, (ulong)push.ReadVersion);
            WriteKeys(writer, 6, sizes.PushKeys, piece.PushKeys, piece.ShardFirst, sizes.PushCoded);
            writer.Floats(7, piece.Values.Span);
            writer.Field(8, (ulong)push.Part);
            writer.Field(9, (ulong)push.Parts);
        }
        if (piece.PullKeys.Keys is not null)
        {
            writer.BeginMessage(4, sizes.Pull);
            WriteKeys(writer, 1, sizes.PullKeys, piece.PullKeys, piece.ShardFirst, sizes.PullCoded);
            writer.Field(2, (ulong)piece.Part + 1);
        }
    }

    private void WriteKeys(WireWriter writer, int number, int size, in PieceKeys keys, long shardFirst, WirePart coded)
    {
        writer.BeginMessage(number, size);
        writer.Field(1, keys.First(shardFirst));
        writer.Field(2, (ulong)keys.Count);
        writer.Bytes(4, _coded.AsSpan(coded.Start, coded.Length));
        writer.Field(5, keys.Set);
    }

    private static int SizeOf(in HelloFrame hello) =>
        WireWriter.SizeOfBytes(Encoding.UTF8.GetByteCount(hello.Job)) + WireWriter.SizeOfField(hello.Version)
        + WireWriter.SizeOfFixed(hello.Client == 0) + WireWriter.SizeOfMessage(hello.Wanted.Size);

    private static void Write(WireWriter writer, in HelloFrame hello)
    {
        writer.BeginMessage(1, WireWriter.SizeOfMessage(SizeOf(hello)));
        writer.BeginMessage(1, SizeOf(hello));
        writer.Text(1, hello.Job, Encoding.UTF8.GetByteCount(hello.Job));
        writer.Field(2, hello.Version);
        writer.Fixed64(3, hello.Client);
        writer.BeginMessage(4, hello.Wanted.Size);
        hello.Wanted.Write(writer);
    }

    private struct Sizes
    {
        public int Exchange, Name, Push, PushKeys, Pull, PullKeys;
        public WirePart PushCoded, PullCoded;
    }
}

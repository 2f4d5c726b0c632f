using System.Buffers.Text;

namespace DistSgd.Learning.Data;

/// <summary>Writes rows as LIBSVM text with index base 1. What is written is read back bit for bit. One thread at a time.</summary>
public sealed class LibsvmWriter : IRowSink, IDisposable
{
    private const int BufferBytes = 1 << 18;
    private const int NumberBytesMax = 32;
    private const int Decimals = 4;
    private const float DecimalScale = 10_000;
    private const float ShortMax = 400; // below it, value · 10⁴ is a whole number below 2²², which float32 holds exactly

    private readonly Stream _target;
    private readonly byte[] _buffer = new byte[BufferBytes];
    private int _used;

    /// <summary>Writes to a stream, which stays open.</summary>
    public LibsvmWriter(Stream target) => _target = target;

    /// <inheritdoc />
    /// <exception cref="ArgumentException">A value or label is not finite, or the lengths differ.</exception>
    public void Add(float label, ReadOnlySpan<uint> indices, ReadOnlySpan<float> values)
    {
        if (indices.Length != values.Length) throw new ArgumentException($"There are {indices.Length} indices and {values.Length} values; expected as many.", nameof(values));
        Reserve();
        Append(label);
        for (int i = 0; i < indices.Length; i++)
        {
            Reserve();
            _buffer[_used++] = (byte)' ';
            Utf8Formatter.TryFormat(indices[i] + 1UL, _buffer.AsSpan(_used), out int written);
            _used += written;
            _buffer[_used++] = (byte)':';
            Append(values[i]);
        }
        _buffer[_used++] = (byte)'\n';
    }

    /// <summary>Writes what is still in the buffer.</summary>
    public void Dispose() => Flush();

    private void Flush()
    {
        _target.Write(_buffer, 0, _used);
        _used = 0;
    }

    private void Reserve()
    {
        if (_used > BufferBytes - (2 * NumberBytesMax)) Flush();
    }

    private void Append(float value)
    {
        if (!float.IsFinite(value)) throw new ArgumentException($"The value {value} cannot be written; expected a finite number.", nameof(value));
        int written;
        float scaled = MathF.Round(value * DecimalScale);
        if (MathF.Abs(value) < ShortMax && scaled / DecimalScale == value && !(value == 0 && float.IsNegative(value)))
        {
            written = FormatShort((int)scaled, _buffer.AsSpan(_used));
        }
        else if (!value.TryFormat(_buffer.AsSpan(_used), out written, "R"))
        {
            throw new InvalidOperationException("A number was longer than its bound.");
        }
        _used += written;
    }

    /// <summary>Writes a number of ten-thousandths without trailing zeros.</summary>
    private static int FormatShort(int tenThousandths, Span<byte> target)
    {
        int at = 0;
        if (tenThousandths < 0) target[at++] = (byte)'-';
        int size = Math.Abs(tenThousandths);
        Utf8Formatter.TryFormat(size / (int)DecimalScale, target[at..], out int written);
        at += written;
        int fraction = size % (int)DecimalScale;
        if (fraction == 0) return at;
        target[at++] = (byte)'.';
        int divisor = (int)DecimalScale / 10;
        for (int i = 0; i < Decimals && fraction > 0; i++)
        {
            target[at++] = (byte)('0' + (fraction / divisor));
            fraction %= divisor;
            divisor /= 10;
        }
        return at;
    }
}

using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Text;
using DistSgd.Kernels.Text;

namespace DistSgd.Kernels.Tests;

/// <summary>The marks of LIBSVM text in each form, and numbers against float.Parse; tests/Learning holds what is made of them against a slow parser.</summary>
public sealed class TextKernelTests
{
    private delegate int Find(ref byte source, int start, int end, ref int target);

    [Fact]
    public void Marks_EveryFormLengthAndStart_AreThoseOfTheLoop()
    {
        foreach (var (form, find) in Forms())
        {
            for (var length = 0; length <= Samples.LengthMax; length++)
            {
                for (var start = 0; start < 4; start++)
                {
                    // Each byte, those above 0x7F too; every other one gives structure.
                    var random = new Random(length);
                    var text = new byte[start + length + 64];
                    for (var i = 0; i < text.Length; i++) text[i] = random.Next(2) == 0 ? (byte)random.Next(256) : " \t\r\n:"u8[random.Next(5)];
                    var marks = new int[length + TextStructure.SlackMarks];
                    var count = find(ref text[0], start, start + length, ref marks[0]);
                    Assert.True(Loop(text, start, start + length).AsSpan().SequenceEqual(marks.AsSpan(0, count)), $"{form}, length {length}, start {start}");
                }
            }
        }
    }

    [Fact]
    public void Marks_SpansThatAreTooShort_Throw()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => TextStructure.Find(new byte[73], 0, 10, new int[200]));
        Assert.Throws<ArgumentOutOfRangeException>(() => TextStructure.Find(new byte[74], 0, 10, new int[73]));
        Assert.Throws<ArgumentOutOfRangeException>(() => TextStructure.Find(new byte[74], 5, 4, new int[200]));
    }

    [Fact]
    public void Decimal_AnyNumber_IsWhatFloatParseGives()
    {
        var random = new Random(1);
        for (var i = 0; i < 200_000; i++)
        {
            var number = BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue));
            if (!float.IsFinite(number)) continue;
            foreach (var format in new[] { "R", "F7", "E3", "0.###", "G17" })
            {
                var text = ((double)number).ToString(format, CultureInfo.InvariantCulture);
                Assert.True(DecimalText.TryParse(Encoding.ASCII.GetBytes(text), out var value), text);
                Samples.SameBits(float.Parse(text, CultureInfo.InvariantCulture), value, text);
            }
        }
    }

    [Fact]
    public void Decimal_RoundedOfAnyMantissaAndExponent_IsWhatFloatParseGives()
    {
        var random = new Random(2);
        for (var i = 0; i < 200_000; i++)
        {
            var mantissa = (ulong)random.NextInt64(long.MaxValue) >> random.Next(63);
            var exponent = random.Next(-DecimalRounding.MaxPowerOfTen, DecimalRounding.MaxPowerOfTen + 1);
            // What it can't decide is left to a slower way.
            if (DecimalRounding.TryRound(mantissa, exponent, out var value))
                Samples.SameBits(float.Parse($"{mantissa}E{exponent}", CultureInfo.InvariantCulture), value, $"{mantissa}E{exponent}");
        }
    }

    [Fact]
    public void Field_ThatHoldsANumber_IsReadUpToItsEnd_OrLeftAlone()
    {
        foreach (var (field, length) in new[]
        {
            ("1", 1), ("-1.5", 4), ("0", 1), ("-0", 2), ("007", 3), ("3.", 2), (".5", 2), ("123456789012345678", 18), ("16777218", 8), ("16777217", 0), ("0.1", 3), ("99999.999999", 12),
            ("", 0), ("-", 0), (".", 0), ("1e3", 0), ("+1", 0), (" 1", 0), ("1 ", 0), ("1.2.3", 0), ("nan", 0), ("1234567890123456789", 0), ("\"1\"", 0), ("--1", 0),
        })
        {
            foreach (var end in new[] { ",2\n", "\n", "\r\n" })
            {
                Assert.Equal(length, FieldNumber.Read(Encoding.ASCII.GetBytes(field + end), (byte)',', out var value));
                if (length > 0) Samples.SameBits(float.Parse(field, CultureInfo.InvariantCulture), value, field);
            }
        }
    }

    [Fact]
    public void Field_OfAnyLengthAndPoint_IsReadInLanesAsCharacterByCharacter()
    {
        if (!System.Runtime.Intrinsics.X86.Sse41.IsSupported) return;
        var random = new Random(3);
        for (var length = 0; length <= 17; length++)
        {
            for (var point = 0; point <= length; point++)
            {
                for (var i = 0; i < 200; i++)
                {
                    var field = string.Concat(Enumerable.Range(0, length).Select(at => at == point ? '.' : i < 100 || random.Next(20) > 0 ? (char)('0' + random.Next(i % 2 == 0 ? 10 : 2)) : (char)random.Next(33, 127)));
                    var text = Encoding.ASCII.GetBytes((i % 3 == 0 ? "-" : "") + field + (i % 5) switch { 0 => "\n", 1 => "\r\n", _ => ",7.5" } + new string('\n', 20));
                    var expected = FieldNumber.ReadDigits(text, (byte)',', out var slow);
                    var lanes = FieldNumber.ReadLanes(ref text[0], (byte)',', out var value);
                    // What the lanes leave alone is read character by character: long fields, midpoints, what is no number.
                    if (lanes == 0) Assert.True(expected == 0 || length > 15 || float.Abs(slow) > 1 << 23 || IsTie(field), $"{field} was left alone");
                    else Assert.Equal((expected, BitConverter.SingleToInt32Bits(slow)), (lanes, BitConverter.SingleToInt32Bits(value)));
                    Assert.Equal(expected, FieldNumber.Read(text, (byte)',', out value));
                    Assert.Equal(BitConverter.SingleToInt32Bits(slow), BitConverter.SingleToInt32Bits(value));
                }
            }
        }

        // Whole doubles' roundings to float32 are doubtful beside the middle of two floats.
        static bool IsTie(string field) => double.TryParse(field, CultureInfo.InvariantCulture, out var number) && (float)number != number && Math.Abs(((BitConverter.DoubleToInt64Bits(number) & ((1 << 29) - 1)) - (1 << 28))) <= 9;
    }

    [Fact]
    public void Rows_OfAnyLength_AreThoseThatWereWritten()
    {
        if (!SparseTextKernel.IsSupported) return;
        for (var length = 0; length <= Samples.LengthMax + 50; length++)
        {
            var random = new Random(length);
            float[] values = [.. Enumerable.Range(0, length).Select(_ => MathF.Round(random.NextSingle() * 200 - 100, random.Next(5)))];
            var line = $"-1 {string.Join(' ', values.Select((value, i) => string.Create(CultureInfo.InvariantCulture, $"{3 * i + 1}:{value:0.#####}")))}\n";
            var text = new byte[SparseTextKernel.PaddingBytes + line.Length + SparseTextKernel.PaddingBytes];
            Encoding.ASCII.GetBytes(line, text.AsSpan(SparseTextKernel.PaddingBytes));
            var end = SparseTextKernel.PaddingBytes + line.Length;
            var marks = new int[line.Length + TextStructure.SlackMarks];
            var count = TextStructure.Find(text, SparseTextKernel.PaddingBytes, end, marks);
            var rows = new SparseTextRows { Indices = new uint[length + 16], Values = new float[length + 16], RowStarts = new int[2], Labels = new float[1], LineOffsets = new long[1], IndexOffset = 1, LargestIndexAllowed = uint.MaxValue, ExpectedFeatures = uint.MaxValue };
            var next = 0;
            Assert.Equal(end, SparseTextKernel.Parse(text, SparseTextKernel.PaddingBytes, marks.AsSpan(0, count), ref next, 0, new ulong[SparseTextKernel.ScratchLength], ref rows));
            Assert.Equal((1, length, -1f), (rows.RowCount, rows.NonZeroCount, rows.Labels[0]));
            Assert.Equal(Enumerable.Range(0, length).Select(i => 3u * (uint)i), rows.Indices[..length].ToArray());
            Samples.SameBits(values.Select(value => value == 0 ? 0f : value).ToArray(), rows.Values[..length].ToArray().Select(value => value == 0 ? 0f : value).ToArray(), line);
        }
    }

    private static IEnumerable<(string, Find)> Forms()
    {
        yield return ("as chosen", (ref byte source, int start, int end, ref int target) =>
            TextStructure.Find(MemoryMarshal.CreateReadOnlySpan(ref source, end + 64), start, end, MemoryMarshal.CreateSpan(ref target, end - start + TextStructure.SlackMarks)));
        yield return ("portable", TextStructure.FindPortable);
        if (Avx512Vbmi2.IsSupported) yield return ("AVX-512", TextStructure.FindAvx512);
    }

    private static int[] Loop(byte[] text, int start, int end)
    {
        var marks = new List<int>();
        for (var at = start; at < end; at++)
        {
            if (" \t\r\n:"u8.Contains(text[at])) marks.Add(at | (text[at] == ':' ? TextStructure.ColonBit | TextStructure.FeedBit : text[at] == '\n' ? TextStructure.FeedBit : 0));
        }

        return [.. marks];
    }
}

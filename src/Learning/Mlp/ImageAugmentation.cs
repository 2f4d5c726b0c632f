using System.Globalization;
using DistSgd.Learning.Data;

namespace DistSgd.Learning.Mlp;

/// <summary>
/// Random changes of training images that leave their class alone. A row is an image, line by line, one number a pixel (several channels: one image after
/// the other); what comes in from outside is 0. A pure function of image and seed.
/// </summary>
public sealed record ImageAugmentation
{
    /// <summary>What is read.</summary>
    public const string Expected = "flip, flip-vertical, shift[:PIXELS], rotate[:DEGREES], erase[:LINES], separated by commas";

    /// <summary>Pixels from left to right.</summary>
    public required int ImageWidth { get; init; }

    /// <summary>Pixels from top to bottom.</summary>
    public required int ImageHeight { get; init; }

    /// <summary>Half of the images are mirrored left to right.</summary>
    public bool Flip { get; init; }

    /// <summary>Half of the images are mirrored top to bottom.</summary>
    public bool FlipVertical { get; init; }

    /// <summary>Images are shifted by up to so many pixels each way.</summary>
    public int ShiftMax { get; init; }

    /// <summary>Images are turned by up to so many degrees each way, pixels interpolated between their four neighbours.</summary>
    public double RotateMax { get; init; }

    /// <summary>Up to so many neighbouring rows, and as many columns, are set to 0.</summary>
    public int EraseMax { get; init; }

    /// <summary>Reads what <c>--augment</c> says.</summary>
    /// <param name="text">For example <c>flip,shift:2,rotate:10,erase:3</c>.</param>
    /// <param name="width">Pixels from left to right.</param>
    /// <param name="height">Pixels from top to bottom.</param>
    /// <exception cref="ArgumentException">A word that isn't known, or a number out of range.</exception>
    public static ImageAugmentation Parse(string text, int width, int height)
    {
        var result = new ImageAugmentation { ImageWidth = width, ImageHeight = height };
        foreach (string part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            string[] words = part.Split(':');
            double number = words.Length == 1 ? Usual(words[0]) : words.Length == 2 && double.TryParse(words[1], CultureInfo.InvariantCulture, out double value) ? value : double.NaN;
            result = (words[0], words.Length) switch
            {
                ("flip", 1) => result with { Flip = true },
                ("flip-vertical", 1) => result with { FlipVertical = true },
                ("shift", _) when number >= 1 && number < Math.Min(width, height) => result with { ShiftMax = (int)number },
                ("rotate", _) when number is > 0 and <= 180 => result with { RotateMax = number },
                ("erase", _) when number >= 1 && number < Math.Min(width, height) => result with { EraseMax = (int)number },
                _ => throw new ArgumentException($"--augment has '{part}' for images of {width} x {height} pixels; expected {Expected}."),
            };
        }
        return result;
    }

    /// <summary>Whether a text names changes, for images that are large enough.</summary>
    /// <param name="text">Any.</param>
    public static bool IsText(string text)
    {
        try
        {
            Parse(text, int.MaxValue, int.MaxValue);
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    /// <summary>As <see cref="Parse"/> reads it.</summary>
    public string Text => string.Join(',', ((string[])
    [
        Flip ? "flip" : "",
        FlipVertical ? "flip-vertical" : "",
        ShiftMax > 0 ? $"shift:{ShiftMax}" : "",
        RotateMax > 0 ? string.Create(CultureInfo.InvariantCulture, $"rotate:{RotateMax:R}") : "",
        EraseMax > 0 ? $"erase:{EraseMax}" : "",
    ]).Where(part => part.Length > 0));

    private static double Usual(string word) => word switch
    {
        "shift" => 2,
        "rotate" => 10,
        "erase" => 3,
        _ => 0,
    };

    /// <summary>Changes one image in place.</summary>
    /// <param name="image">A whole number of channels of width × height pixels.</param>
    /// <param name="seed">From <see cref="BatchPlace"/>.</param>
    public void Apply(Span<float> image, ulong seed)
    {
        int pixels = ImageWidth * ImageHeight;
        var draw = new Draws(seed);
        double angle = RotateMax * draw.Symmetric() * Math.PI / 180;
        var move = new Move(
            Flip && draw.Coin(), FlipVertical && draw.Coin(), (int)Math.Round(ShiftMax * draw.Symmetric()), (int)Math.Round(ShiftMax * draw.Symmetric()),
            PortableMath.Cos(angle), PortableMath.Sin(angle));
        int rows = draw.UpTo(EraseMax), columns = draw.UpTo(EraseMax);
        int top = draw.UpTo(ImageHeight - rows), left = draw.UpTo(ImageWidth - columns);
        Span<float> before = stackalloc float[Math.Min(pixels, PixelsOnStackMax)];
        float[]? rented = pixels > PixelsOnStackMax ? System.Buffers.ArrayPool<float>.Shared.Rent(pixels) : null;
        if (rented is not null)
            before = rented.AsSpan(0, pixels);
        for (int start = 0; start + pixels <= image.Length; start += pixels)
        {
            Span<float> channel = image.Slice(start, pixels);
            channel.CopyTo(before);
            if (RotateMax > 0)
                Turn(before, channel, move);
            else
                Shift(before, channel, move);
            channel.Slice(top * ImageWidth, rows * ImageWidth).Clear();
            for (int y = 0; y < ImageHeight; y++)
                channel.Slice(y * ImageWidth + left, columns).Clear();
        }
        if (rented is not null)
            System.Buffers.ArrayPool<float>.Shared.Return(rented);
    }

    private const int PixelsOnStackMax = 4096;

    private void Shift(ReadOnlySpan<float> before, Span<float> after, in Move move)
    {
        for (int y = 0; y < ImageHeight; y++)
        {
            for (int x = 0; x < ImageWidth; x++)
            {
                int fromX = move.Mirrored ? ImageWidth - 1 - x : x, fromY = move.Upturned ? ImageHeight - 1 - y : y;
                after[y * ImageWidth + x] = Pixel(before, fromX - move.Right, fromY - move.Down);
            }
        }
    }

    // Backwards: for each new pixel, where it came from; the mean of four neighbours, weighted by nearness.
    private void Turn(ReadOnlySpan<float> before, Span<float> after, in Move move)
    {
        double centreX = (ImageWidth - 1) / 2.0, centreY = (ImageHeight - 1) / 2.0;
        for (int y = 0; y < ImageHeight; y++)
        {
            for (int x = 0; x < ImageWidth; x++)
            {
                double dx = (move.Mirrored ? ImageWidth - 1 - x : x) - centreX - move.Right;
                double dy = (move.Upturned ? ImageHeight - 1 - y : y) - centreY - move.Down;
                double fromX = centreX + move.Cos * dx + move.Sin * dy, fromY = centreY - move.Sin * dx + move.Cos * dy;
                int left = (int)Math.Floor(fromX), top = (int)Math.Floor(fromY);
                float right = (float)(fromX - left), down = (float)(fromY - top);
                float upper = Pixel(before, left, top) * (1 - right) + Pixel(before, left + 1, top) * right;
                float lower = Pixel(before, left, top + 1) * (1 - right) + Pixel(before, left + 1, top + 1) * right;
                after[y * ImageWidth + x] = upper * (1 - down) + lower * down;
            }
        }
    }

    private float Pixel(ReadOnlySpan<float> image, int x, int y) =>
        (uint)x < (uint)ImageWidth && (uint)y < (uint)ImageHeight ? image[y * ImageWidth + x] : 0f;

    private readonly record struct Move(bool Mirrored, bool Upturned, int Right, int Down, double Cos, double Sin);

    private struct Draws(ulong seed)
    {
        private ulong _state = seed;

        public bool Coin() => (Next() & 1) != 0;

        /// <summary>Uniform in [−1, 1).</summary>
        public double Symmetric() => (Next() >> 11) * (2.0 / (1UL << 53)) - 1;

        /// <summary>A whole number from 0 to the bound, both included.</summary>
        public int UpTo(int bound) => (int)((Next() >> 32) * (ulong)(bound + 1) >> 32);

        private ulong Next() => SeededRandom.Mix(_state += 0x9E3779B97F4A7C15);
    }
}

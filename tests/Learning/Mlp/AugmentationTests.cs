using DistSgd.Learning.Mlp;

namespace DistSgd.Learning.Tests.Mlp;

public sealed class AugmentationTests
{
    private const int Width = 5;
    private const int Height = 4;
    private static readonly float[] Image = [.. Enumerable.Range(1, Width * Height).Select(i => (float)i)];

    [Fact]
    public void Flip_MirrorsHalfOfTheImages()
    {
        var flip = ImageAugmentation.Parse("flip", Width, Height);
        float[] mirrored = [.. Enumerable.Range(0, Width * Height).Select(i => Image[i / Width * Width + Width - 1 - i % Width])];
        float[][] results = [.. Enumerable.Range(0, 200).Select(seed => Changed(flip, (ulong)seed))];
        Assert.All(results, result => Assert.True(result.SequenceEqual(Image) || result.SequenceEqual(mirrored)));
        Assert.InRange(results.Count(result => result.SequenceEqual(mirrored)), 70, 130);
    }

    [Fact]
    public void Shift_MovesByAtMostSoManyPixels_AndBringsInZeros()
    {
        var shift = ImageAugmentation.Parse("shift:1", Width, Height);
        var seen = new HashSet<string>();
        for (ulong seed = 0; seed < 200; seed++)
        {
            float[] result = Changed(shift, seed);
            bool found = false;
            for (int right = -1; right <= 1; right++)
            {
                for (int down = -1; down <= 1; down++)
                {
                    bool same = result.SequenceEqual(Enumerable.Range(0, Width * Height).Select(i => Pixel(i % Width - right, i / Width - down)));
                    found |= same;
                    if (same)
                        seen.Add($"{right},{down}");
                }
            }
            Assert.True(found, $"seed {seed}: {string.Join(' ', result)}");
        }
        Assert.Equal(9, seen.Count);
    }

    [Fact]
    public void Rotate_ByNoMoreThanATinyAngle_ChangesLittle_AndIsRepeatable()
    {
        var turn = ImageAugmentation.Parse("rotate:0.01", Width, Height);
        float[] result = Changed(turn, 3);
        for (int y = 1; y < Height - 1; y++)
        {
            for (int x = 1; x < Width - 1; x++)
                Assert.Equal(Image[y * Width + x], result[y * Width + x], 0.02);
        }
        Assert.Equal(result, Changed(turn, 3));
        Assert.NotEqual(result, Changed(turn, 4));
    }

    [Fact]
    public void Erase_ClearsWholeLines()
    {
        var erase = ImageAugmentation.Parse("erase:2", Width, Height);
        for (ulong seed = 0; seed < 100; seed++)
        {
            float[] result = Changed(erase, seed);
            int rows = Enumerable.Range(0, Height).Count(y => Enumerable.Range(0, Width).All(x => result[y * Width + x] == 0));
            int columns = Enumerable.Range(0, Width).Count(x => Enumerable.Range(0, Height).All(y => result[y * Width + x] == 0));
            Assert.InRange(rows, 0, 2);
            Assert.InRange(columns, 0, 2);
            Assert.Equal(Width * rows + Height * columns - rows * columns, result.Count(value => value == 0));
        }
    }

    [Fact]
    public void Parse_WhatIsNotKnown_IsRefusedByName()
    {
        foreach (string text in new[] { "spin", "shift:0", "shift:9", "rotate:x", "flip:2", "" })
            Assert.Contains("--augment", Assert.Throws<ArgumentException>(() => ImageAugmentation.Parse(text, Width, Height)).Message);
    }

    private static float Pixel(int x, int y) => x is >= 0 and < Width && y is >= 0 and < Height ? Image[y * Width + x] : 0;

    private static float[] Changed(ImageAugmentation augmentation, ulong seed)
    {
        float[] image = [.. Image];
        augmentation.Apply(image, seed);
        return image;
    }
}

using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace DistSgd.Cli.Doctor;

/// <summary>What a port answers to one kind of greeting.</summary>
internal static class PortProbe
{
    private const int AnswerBytesMax = 4096;
    private const int FrameHeaderBytes = 9;
    private const int SettingsFrame = 4;
    private const int GoAwayFrame = 7;
    private const int Http11Required = 0xD;

    // The client's preface of HTTP/2 and an empty SETTINGS frame (RFC 9113, 3.4).
    private static readonly byte[] Preface = [.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, 0, 0, 0, SettingsFrame, 0, 0, 0, 0, 0];

    /// <summary>The first bytes that come back to HTTP/2's preface.</summary>
    public static Task<byte[]> SayHttp2Async(IPEndPoint endpoint, CancellationToken cancellationToken) => SayAsync(endpoint, Preface, cancellationToken);

    /// <summary>The first bytes that come back to a request of HTTP/1.1.</summary>
    public static Task<byte[]> SayHttp1Async(IPEndPoint endpoint, string host, CancellationToken cancellationToken) =>
        SayAsync(endpoint, Encoding.ASCII.GetBytes($"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"), cancellationToken);

    /// <summary>True for a server's SETTINGS frame, unless a GOAWAY after it says that HTTP/1.1 is wanted.</summary>
    public static bool IsHttp2(ReadOnlySpan<byte> answer)
    {
        if (answer.Length < FrameHeaderBytes || answer[3] != SettingsFrame || LengthOf(answer) % 6 != 0 || (answer[5] & 0x7F) != 0 || answer[6] != 0 || answer[7] != 0 || answer[8] != 0)
            return false;
        while (answer.Length >= FrameHeaderBytes)
        {
            int length = LengthOf(answer);
            if (answer[3] == GoAwayFrame && answer.Length >= FrameHeaderBytes + 8 && answer[FrameHeaderBytes + 7] == Http11Required)
                return false;
            answer = answer[Math.Min(answer.Length, FrameHeaderBytes + length)..];
        }
        return true;
    }

    /// <summary>True for the first line of an answer of HTTP/1.</summary>
    public static bool IsHttp1(ReadOnlySpan<byte> answer) => answer.StartsWith("HTTP/1."u8);

    /// <summary>What a TLS handshake shows; null where there is no TLS.</summary>
    public static async Task<TlsSight?> SayTlsAsync(IPEndPoint endpoint, string host, CancellationToken cancellationToken)
    {
        string problem = "";
        bool asksForCertificate = false;
        try
        {
            using Socket socket = await ConnectAsync(endpoint, cancellationToken);
            await using var tls = new SslStream(new NetworkStream(socket), leaveInnerStreamOpen: false);
            var options = new SslClientAuthenticationOptions
            {
                TargetHost = host,
                // Both, since a server that has neither breaks the handshake off.
                ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
                RemoteCertificateValidationCallback = (_, _, chain, errors) =>
                {
                    problem = Explain(errors, chain);
                    return true;
                },
                // Asked before the handshake, without the server's certificate, and again if the server asks.
                LocalCertificateSelectionCallback = (_, _, _, remote, _) =>
                {
                    asksForCertificate |= remote is not null;
                    return null!;
                },
            };
            await tls.AuthenticateAsClientAsync(options, cancellationToken);
            return new TlsSight(problem, asksForCertificate, tls.NegotiatedApplicationProtocol == SslApplicationProtocol.Http2, IsRefusal: false);
        }
        catch (Exception refused) when (refused is IOException or SocketException or System.Security.Authentication.AuthenticationException or OperationCanceledException)
        {
            return asksForCertificate ? new TlsSight(problem, asksForCertificate, OffersHttp2: false, IsRefusal: true) : null;
        }
    }

    private static string Explain(SslPolicyErrors errors, X509Chain? chain)
    {
        var problems = new List<string>();
        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
            problems.Add("it is for another name");
        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateChainErrors))
            problems.AddRange((chain?.ChainStatus ?? []).Select(status => status.StatusInformation.Trim()).Distinct(StringComparer.Ordinal));
        return string.Join("; ", problems);
    }

    // Reads until there is something to judge by: to the end of what comes, or a little longer than a frame's header.
    private static async Task<byte[]> SayAsync(IPEndPoint endpoint, byte[] greeting, CancellationToken cancellationToken)
    {
        var answer = new byte[AnswerBytesMax];
        int length = 0;
        try
        {
            using Socket socket = await ConnectAsync(endpoint, cancellationToken);
            await socket.SendAsync(greeting, cancellationToken);
            while (length < FrameHeaderBytes)
            {
                int read = await socket.ReceiveAsync(answer.AsMemory(length), cancellationToken);
                if (read == 0)
                    break;
                length += read;
            }
        }
        catch (Exception refused) when (refused is SocketException or OperationCanceledException)
        {
            // What came before is all there is.
        }
        return answer[..length];
    }

    private static async Task<Socket> ConnectAsync(IPEndPoint endpoint, CancellationToken cancellationToken)
    {
        var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(endpoint, cancellationToken);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static int LengthOf(ReadOnlySpan<byte> frame) => (frame[0] << 16) | (frame[1] << 8) | frame[2];
}

/// <summary>A port's TLS, as a handshake showed it.</summary>
/// <param name="CertificateProblem">What is wrong with its certificate; empty: nothing.</param>
/// <param name="AsksForCertificate">It asked for a client's certificate, of which there is none.</param>
/// <param name="OffersHttp2">It chose HTTP/2 by ALPN.</param>
/// <param name="IsRefusal">It broke the handshake off.</param>
internal sealed record TlsSight(string CertificateProblem, bool AsksForCertificate, bool OffersHttp2, bool IsRefusal);

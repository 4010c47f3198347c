import com.jayway.jsonpath.Configuration;
import com.jayway.jsonpath.DocumentContext;
import com.jayway.jsonpath.JsonPath;
import com.jayway.jsonpath.Option;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.StringWriter;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.velocity.VelocityContext;
import org.apache.velocity.app.VelocityEngine;

/**
 * Renders many mapping templates with Apache Velocity 1.7 and JsonPath, as API Gateway does.
 *
 * <p>Input and output consist of frames: a 32-bit length and that many bytes. A request has these
 * frames: the template, the body, the value of an absent parameter ("" or "null", because AWS does
 * not document it), the number of headers in decimal, then the name and value of each header. An
 * answer has two frames: "rendered" or "failed", and a text. The program ends at the end of its
 * input.
 */
public final class Render {
    private Render() {}

    public static void main(String[] arguments) throws Exception {
        VelocityEngine engine = new VelocityEngine();
        // Without it, Velocity writes a velocity.log into the current folder.
        engine.setProperty("runtime.log.logsystem.class", "org.apache.velocity.runtime.log.NullLogChute");
        engine.init();
        DataInputStream in = new DataInputStream(System.in);
        DataOutputStream out = new DataOutputStream(new BufferedOutputStream(System.out));
        for (String template = read(in); template != null; template = read(in)) {
            String body = read(in);
            String absent = read(in).equals("null") ? null : "";
            Map<String, String> headers = new LinkedHashMap<>();
            for (int left = Integer.parseInt(read(in)); left > 0; left--) {
                String name = read(in);
                headers.put(name, read(in));
            }
            answer(out, engine, template, new Input(body, headers, absent));
        }
        out.flush();
    }

    private static void answer(DataOutputStream out, VelocityEngine engine, String template, Input input)
            throws IOException {
        VelocityContext context = new VelocityContext();
        context.put("input", input);
        context.put("util", new Util());
        StringWriter text = new StringWriter();
        try {
            engine.evaluate(context, text, "mapping template", template);
        } catch (RuntimeException error) {
            write(out, "failed");
            write(out, error.toString());
            return;
        }
        write(out, "rendered");
        write(out, text.toString());
    }

    /**
     * Reads a frame as text, with invalid UTF-8 replaced, as the gateway does. Returns null at the
     * end of the input.
     */
    private static String read(DataInputStream in) throws IOException {
        byte[] length = in.readNBytes(4);
        if (length.length < 4) {
            return null;
        }
        return new String(in.readNBytes(java.nio.ByteBuffer.wrap(length).getInt()), StandardCharsets.UTF_8);
    }

    private static void write(DataOutputStream out, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        out.writeInt(bytes.length);
        out.write(bytes);
    }

    /** The template's $input. Velocity calls it by reflection, so it is public. */
    public static final class Input {
        private final String body;
        private final Map<String, String> headers;
        private final String absent;
        private DocumentContext json;

        Input(String body, Map<String, String> headers, String absent) {
            // Without a payload, `$input.body` is an empty object (reference on mapping templates).
            this.body = body.isEmpty() ? "{}" : body;
            this.headers = headers;
            this.absent = absent;
        }

        public String getBody() {
            return body;
        }

        /** Returns every parameter by its location. The URL of a webhook has no parameters. */
        public Map<String, Map<String, String>> params() {
            Map<String, Map<String, String>> all = new LinkedHashMap<>();
            all.put("path", new LinkedHashMap<>());
            all.put("querystring", new LinkedHashMap<>());
            all.put("header", headers);
            return all;
        }

        /** Returns one parameter, by the exact spelling of its name. */
        public String params(String name) {
            return headers.getOrDefault(name, absent);
        }

        /** Returns a part of the payload, or null. A payload that is not JSON is an error. */
        public Object path(String expression) {
            if (json == null) {
                Configuration lenient = Configuration.defaultConfiguration().addOptions(Option.SUPPRESS_EXCEPTIONS);
                json = JsonPath.parse(body, lenient);
            }
            return json.read(expression);
        }
    }

    /** The template's $util, with the one method that the project's template uses. */
    public static final class Util {
        public String urlEncode(String text) {
            return URLEncoder.encode(text, StandardCharsets.UTF_8);
        }
    }
}
